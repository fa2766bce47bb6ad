// Package store keeps decoded images in one file that is mapped into memory: the cache of package data.
//
//	KEY.part   header, then one record per item of the source, in order; appended during the build, under a lock
//	KEY.set    the complete file, with an index at the end, synced and renamed
//
// All numbers are little-endian.
//
//	header   "marrsets", version u32, 0 u32, key [32], CRC u32 of these, 0 u32                                       56 bytes
//	record   item u32, height u32, width u32, channels u32, length u32, CRC u32 of these and the payload            24 bytes
//	         payload: pixels [H W C], or, if channels is 0, the reason why the item was skipped
//	index    see index.go
//	footer   offset of the index u64, its length u64, CRC u32 of index and footer, 0 u32, "marr end"                 32 bytes
//
// CRC is CRC-32C. A build that was killed leaves whole records and at most one partial record, which the next build truncates. Opening a
// set checks the header, the footer, the index, and that every image lies within the file. It does not check the pixels, which would
// require reading all of them.
package store
