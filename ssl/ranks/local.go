package ranks

import (
	"fmt"
	"os"
	"sync"
)

// hub is what the ranks of one process share.
type hub struct {
	host    string
	mutex   sync.Mutex
	changed sync.Cond    // a round began or ended, or a rank left
	arrived int          // ranks that are in the current round
	copied  int          // ranks that have taken what the others sent
	round   int          // completed arrivals of all ranks
	done    int          // completed copies of all ranks
	sent    [][][]byte   // by sender and receiver
	bad     error        // of the current round: lengths that do not match
	left    []*LostError // by rank, in the order in which they left
}

// local is one rank of a hub.
type local struct {
	*hub
	rank int
}

// Local returns n connected ranks for goroutines of this process.
func Local(n int) []Comm {
	host, _ := os.Hostname()
	h := &hub{host: host, sent: make([][][]byte, n)}
	h.changed.L = &h.mutex
	comms := make([]Comm, n)
	for i := range comms {
		comms[i] = &local{h, i}
	}
	return comms
}

func (l *local) Rank() int { return l.rank }
func (l *local) Size() int { return len(l.sent) }

func (l *local) Exchange(send, recv [][]byte) error {
	if err := l.arrive(send); err != nil {
		return err
	}
	var bad error
	for i, b := range recv {
		from := l.sent[i][l.rank]
		if len(from) != len(b) && bad == nil {
			bad = fmt.Errorf("ranks: rank %d sent %d bytes, rank %d expects %d: all ranks must call the same collectives with the same sizes", i, len(from), l.rank, len(b))
		}
		copy(b, from)
	}
	return l.finish(bad)
}

// arrive publishes what this rank sends and waits until every rank has done so.
func (l *local) arrive(send [][]byte) error {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if len(l.left) > 0 {
		return l.left[0]
	}
	l.sent[l.rank] = send
	l.arrived++
	if l.arrived == len(l.sent) {
		l.arrived, l.bad = 0, nil
		l.round++
		l.changed.Broadcast()
		return nil
	}
	for round := l.round; l.round == round; l.changed.Wait() {
		if len(l.left) > 0 {
			return l.left[0]
		}
	}
	return nil
}

// finish waits until every rank has copied, so that the senders may change their bytes. An error of one rank is that of all.
func (l *local) finish(bad error) error {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.bad == nil {
		l.bad = bad
	}
	l.copied++
	if l.copied == len(l.sent) {
		l.copied = 0
		l.done++
		l.changed.Broadcast()
	}
	for l.done < l.round {
		l.changed.Wait()
	}
	return l.bad
}

func (l *local) Abort(cause error) { l.leave(cause.Error(), true) }

func (l *local) Close() error {
	l.leave("it has left the run", false)
	return nil
}

func (l *local) leave(reason string, aborted bool) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.left = append(l.left, &LostError{Rank: l.rank, Host: l.host, Reason: reason, Aborted: aborted})
	l.changed.Broadcast()
}
