package store

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/marr-ssl/marr/vk/filesys"
)

// Builder writes the file of a set.
type Builder struct {
	NumItems int             // with a record, skipped ones included; also the next item
	Skipped  map[int]Skipped // by item, without names

	path  string
	key   Key
	f     *os.File
	w     *bufio.Writer
	at    int64 // bytes
	index Index
	hash  Hash
}

// StartBuild opens or creates the part file of the set at path and locks it. It resumes after the last whole record. If another build
// holds the lock, it calls waiting once and waits.
func StartBuild(ctx context.Context, path string, key Key, waiting func()) (*Builder, error) {
	f, err := filesys.WaitLock(ctx, partPath(path), waiting)
	if err != nil {
		return nil, err
	}
	p := &Builder{path: path, key: key, f: f, Skipped: map[int]Skipped{}, hash: NewHash()}
	if err := p.resume(); err != nil {
		f.Close()
		return nil, err
	}
	return p, nil
}

func partPath(path string) string { return path[:len(path)-len(filepath.Ext(path))] + ".part" }

// resume reads the whole records of the file and truncates it after them.
func (p *Builder) resume() error {
	info, err := p.f.Stat()
	if err != nil {
		return err
	}
	size := info.Size()
	r := bufio.NewReaderSize(p.f, 1<<20)
	head := make([]byte, headerSize)
	if n, err := io.ReadFull(r, head); err != nil && n < headerSize && size >= headerSize {
		return err
	}
	if bytes.Equal(head, header(p.key)) {
		p.at = headerSize
	}
	for p.at > 0 {
		rec, err := readRecord(r, p.NumItems, size-p.at)
		if errors.Is(err, errPartial) {
			break
		}
		if err != nil {
			return err
		}
		p.count(rec)
	}
	if err := p.f.Truncate(p.at); err != nil {
		return err
	}
	if _, err := p.f.Seek(p.at, io.SeekStart); err != nil {
		return err
	}
	p.w = bufio.NewWriterSize(p.f, 1<<20)
	if p.at == 0 {
		p.at = headerSize
		_, err := p.w.Write(header(p.key))
		return err
	}
	return nil
}

// count adds a record at p.at to the index, the sums and the hash.
func (p *Builder) count(r Record) {
	if r.place.C == 0 {
		p.Skipped[p.NumItems] = r.bad
	} else {
		r.place.Offset += p.at
		p.index.Locations = append(p.index.Locations, r.place)
		p.index.Sums.Merge(r.sums)
		p.hash.Add(r.digest)
	}
	p.at += int64(len(r.bytes[0]) + len(r.bytes[1]))
	p.NumItems++
}

// Append writes the record of item p.Items.
func (p *Builder) Append(r Record) error {
	for _, b := range r.bytes {
		if _, err := p.w.Write(b); err != nil {
			return err
		}
	}
	p.count(r)
	return nil
}

// Size returns the size of the file so far, in bytes.
func (p *Builder) Size() int64 { return p.at }

// NumImages returns the number of items that are images.
func (p *Builder) NumImages() int { return len(p.index.Locations) }

// Finish appends the index, with the labels, names and clips of x, and renames the file to its final name.
func (p *Builder) Finish(x Index) error {
	x.Locations, x.Sums, x.Fingerprint = p.index.Locations, p.index.Sums, p.hash.Sum(x.Labels, x.Clips)
	section := x.encode()
	for _, b := range [][]byte{section, footer(section, p.at)} {
		if _, err := p.w.Write(b); err != nil {
			return err
		}
	}
	if err := p.w.Flush(); err != nil {
		return err
	}
	if err := p.f.Sync(); err != nil {
		return err
	}
	err := filesys.Replace(partPath(p.path), p.path) // before the lock is released
	return errors.Join(err, p.f.Close())
}

// Suspend ends the build and keeps its file; the next build resumes from it.
func (p *Builder) Suspend() error {
	err := p.w.Flush()
	return errors.Join(err, p.f.Close())
}

// Discard ends the build and removes its file.
func (p *Builder) Discard() error {
	err := os.Remove(partPath(p.path)) // before the lock is released, so that it is this build's file
	return errors.Join(err, p.f.Close())
}
