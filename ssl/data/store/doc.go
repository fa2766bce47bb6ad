// Package store keeps decoded images in one file that is mapped into memory: the cache behind the sets of package data.
//
//	KEY.part   header, then a record for each item of the source in its order, appended while the set is built, under a lock
//	KEY.set    the same file once it is whole, with an index at its end, synced and renamed
//
// All numbers are little endian.
//
//	header   "marrsets", version u32, 0 u32, key [32], CRC u32 of these, 0 u32                                       56 bytes
//	record   item u32, height u32, width u32, channels u32, length u32, CRC u32 of these and the payload            24 bytes
//	         payload: pixels [H W C], or, where channels is 0, the reason why the item could not be read
//	index    see index.go
//	footer   offset of the index u64, its length u64, CRC u32 of index and footer, 0 u32, "marr end"                 32 bytes
//
// CRC is CRC-32C. A build that was killed leaves whole records and at most one torn one, which the next build cuts off. Opening a set
// checks header, footer, index and that every image lies within the file, but not the pixels: that would read all of them.
package store
