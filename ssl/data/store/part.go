package store

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// lockPause is the time between two looks at a lock that another build holds.
const lockPause = 200 * time.Millisecond

// Builder is a set that is being built.
type Builder struct {
	NumItems int             // that have a record, bad ones included: the next item
	Skipped  map[int]Skipped // by item; names are not kept

	path  string
	key   Key
	f     *os.File
	w     *bufio.Writer
	at    int64 // bytes
	index Index
	hash  Hash
}

// StartBuild opens the part file of the set at path, or makes it, and locks it: it goes on behind the last whole record. While another build
// holds the lock it waits, having called waiting once.
func StartBuild(ctx context.Context, path string, key Key, waiting func()) (*Builder, error) {
	for {
		f, err := os.OpenFile(partPath(path), os.O_RDWR|os.O_CREATE, 0o666)
		if err != nil {
			return nil, err
		}
		if err := lock(ctx, f, waiting); err != nil {
			f.Close()
			return nil, err
		}
		waiting = func() {}
		// The build that held the lock may have renamed or removed the file that was opened here.
		locked, err := f.Stat()
		if named, _ := os.Stat(partPath(path)); err == nil && named != nil && os.SameFile(locked, named) {
			p := &Builder{path: path, key: key, f: f, Skipped: map[int]Skipped{}, hash: NewHash()}
			if err := p.resume(locked.Size()); err != nil {
				f.Close()
				return nil, err
			}
			return p, nil
		}
		f.Close()
	}
}

func partPath(path string) string { return path[:len(path)-len(filepath.Ext(path))] + ".part" }

func lock(ctx context.Context, f *os.File, waiting func()) error {
	for said := false; ; said = true {
		if ok, err := tryLock(f); ok || err != nil {
			return err
		}
		if !said {
			waiting()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lockPause):
		}
	}
}

// resume reads the whole records of a file of size bytes and cuts off what follows them.
func (p *Builder) resume(size int64) error {
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
		if errors.Is(err, errTorn) {
			break
		}
		if err != nil {
			return err
		}
		p.take(rec)
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

// take counts a record that stands at p.at.
func (p *Builder) take(r Record) {
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
	p.take(r)
	return nil
}

// Size returns the bytes so far.
func (p *Builder) Size() int64 { return p.at }

// NumImages returns how many items are images.
func (p *Builder) NumImages() int { return len(p.index.Locations) }

// Finish appends the index, whose labels, names and clips are given, and gives the file its final name.
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
	if !renameOpen {
		p.f.Close()
	}
	if err := os.Rename(partPath(p.path), p.path); err != nil {
		return err
	}
	p.f.Close()
	return syncFolder(filepath.Dir(p.path))
}

// syncFolder makes a rename last; a system that cannot sync a folder has its own ways.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, os.ErrInvalid) && renameOpen {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}

// Suspend ends the build; the next one goes on from here.
func (p *Builder) Suspend() error {
	err := p.w.Flush()
	return errors.Join(err, p.f.Close())
}

// Discard ends the build and removes its file.
func (p *Builder) Discard() error {
	err := os.Remove(partPath(p.path)) // before the lock goes, so that it is this build's file
	return errors.Join(err, p.f.Close())
}
