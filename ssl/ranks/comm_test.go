package ranks

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestExchangeDeliversEveryPairsBytes(t *testing.T) {
	for n := 1; n <= 5; n++ {
		run(t, n, func(c Comm) error {
			for round := range 50 {
				send, recv := make([][]byte, n), make([][]byte, n)
				for i := range n {
					send[i] = bytes.Repeat([]byte{byte(c.Rank()), byte(i), byte(round)}, (c.Rank()+i+round)%4)
					recv[i] = make([]byte, 3*((c.Rank()+i+round)%4))
				}
				if err := c.Exchange(send, recv); err != nil {
					return err
				}
				for i := range n {
					if want := bytes.Repeat([]byte{byte(i), byte(c.Rank()), byte(round)}, (c.Rank()+i+round)%4); !bytes.Equal(recv[i], want) {
						return fmt.Errorf("round %d: from rank %d: %v, want %v", round, i, recv[i], want)
					}
				}
				for i := range n {
					clear(send[i]) // allowed once Exchange has returned
				}
			}
			return nil
		})
	}
}

func TestGatherAndBroadcastHaveEveryLength(t *testing.T) {
	text := func(rank int) []byte { return bytes.Repeat([]byte{'a' + byte(rank)}, rank*1000) }
	run(t, 4, func(c Comm) error {
		all, err := Gather(c, text(c.Rank()))
		if err != nil {
			return err
		}
		for i, b := range all {
			if !bytes.Equal(b, text(i)) {
				return fmt.Errorf("gathered %q from rank %d", b, i)
			}
		}
		for root := range c.Size() {
			b, err := Broadcast(c, root, text(c.Rank()))
			if err != nil || !bytes.Equal(b, text(root)) {
				return fmt.Errorf("broadcast from rank %d: %q, %v", root, b, err)
			}
		}
		return nil
	})
}

func TestCompareNamesWhatDiffersAndWhere(t *testing.T) {
	run(t, 3, func(c Comm) error {
		items := map[string]string{"program version": "1", "data set": "ab12", "seed": "7"}
		if err := Compare(c, items); err != nil {
			return err
		}
		if c.Rank() == 1 {
			items["data set"] = "cd34"
			delete(items, "seed")
		}
		err := Compare(c, items)
		var mismatch *MismatchError
		if !errors.As(err, &mismatch) || len(mismatch.Differences) != 2 {
			return fmt.Errorf("error %v, want two differences", err)
		}
		for _, want := range []string{"data set is ab12 on ranks 0 2 (", "cd34 on rank 1 (", "seed is 7 on ranks 0 2 (", "missing on rank 1 ("} {
			if !strings.Contains(err.Error(), want) {
				return fmt.Errorf("%v: does not contain %q", err, want)
			}
		}
		return nil
	})
}

// lost calls f on all ranks but one, which leaves, and requires that each returns a LostError of that rank with the reason.
func lost(t *testing.T, n, gone int, leave func(Comm), reason string, f func(Comm) error) {
	t.Helper()
	run(t, n, func(c Comm) error {
		if c.Rank() == gone {
			leave(c)
			return nil
		}
		var e *LostError
		if err := f(c); !errors.As(err, &e) || e.Rank != gone || !strings.Contains(e.Reason, reason) {
			return fmt.Errorf("error %v, want that rank %d is lost: %s", err, gone, reason)
		}
		return nil
	})
}

func TestALostRankEndsTheOthers(t *testing.T) {
	wait := func(c Comm) error { return c.Exchange(make([][]byte, c.Size()), make([][]byte, c.Size())) }
	sum := func(c Comm) error {
		return NewReducer(c, FP32).SumParts([][]float32{make([]float32, 1e6)}, make([]float32, 1e6))
	}
	left := func(c Comm) { c.Close() }
	for gone := range 3 {
		lost(t, 3, gone, left, "left the run", wait)
		lost(t, 3, gone, left, "left the run", sum)
		lost(t, 3, gone, func(c Comm) { c.Abort(errors.New("the disk is full")) }, "the disk is full", wait)
		lost(t, 3, gone, func(c Comm) { // in the middle of a sum
			for range 2 {
				wait(c)
			}
			c.Close()
		}, "left the run", func(c Comm) error {
			for range 2 {
				if err := wait(c); err != nil {
					return err
				}
			}
			return sum(c)
		})
	}
}

func TestLengthsThatDoNotMatchAreAnErrorOfAllRanks(t *testing.T) {
	run(t, 3, func(c Comm) error {
		send, recv := make([][]byte, 3), make([][]byte, 3)
		if c.Rank() == 2 {
			send[1] = []byte("abc")
		}
		if err := c.Exchange(send, recv); err == nil || !strings.Contains(err.Error(), "rank 2 sent 3 bytes, rank 1 expects 0") {
			return fmt.Errorf("error %v, want the ranks and sizes", err)
		}
		return nil
	})
}
