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

	"marr/ssl/filelock"
)

// lockPoll is the time between attempts to take a lock that another build holds.
const lockPoll = 200 * time.Millisecond

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
// holds the lock, it calls waiting once and waits. On a system without locks, two builds damage each other's file, which Open detects.
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
		// The build that held the lock may have renamed or removed the file in the meantime.
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
	for called := false; ; called = true {
		if ok, err := filelock.Try(f); ok || err != nil {
			return err
		}
		if !called {
			waiting()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lockPoll):
		}
	}
}

// resume reads the whole records of a file of size bytes and truncates the file after them.
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
	if !renameOpen {
		p.f.Close()
	}
	if err := os.Rename(partPath(p.path), p.path); err != nil {
		return err
	}
	p.f.Close()
	return syncFolder(filepath.Dir(p.path))
}

// syncFolder makes a rename durable. It ignores the error of systems that cannot sync a folder.
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
