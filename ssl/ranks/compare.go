package ranks

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// report is what Compare sends of a rank.
type report struct {
	Host  string
	Items map[string]string
}

// A Difference is an item that ranks disagree on.
type Difference struct {
	Item   string
	Values []string // by rank; "" where the item is missing
}

// MismatchError reports items that should be equal on all ranks and are not. It is the same on every rank.
type MismatchError struct {
	Hosts       []string     // by rank
	Differences []Difference // by name
}

func (e *MismatchError) Error() string {
	var parts []string
	for _, d := range e.Differences {
		parts = append(parts, d.Item+" is "+strings.Join(e.groups(d.Values), ", "))
	}
	return "ranks: the ranks do not match: " + strings.Join(parts, "; ") + ": start all ranks with the same program, data and settings"
}

// groups lists each different value with its ranks and their hosts, in the order of the first rank.
func (e *MismatchError) groups(values []string) []string {
	var out []string
	for i, v := range values {
		if slices.Index(values, v) < i {
			continue
		}
		var members, hosts []string
		for r, w := range values {
			if w != v {
				continue
			}
			members = append(members, fmt.Sprint(r))
			if !slices.Contains(hosts, e.Hosts[r]) {
				hosts = append(hosts, e.Hosts[r])
			}
		}
		rank := "rank"
		if len(members) > 1 {
			rank = "ranks"
		}
		if v == "" {
			v = "missing"
		}
		out = append(out, fmt.Sprintf("%s on %s %s (%s)", v, rank, strings.Join(members, " "), strings.Join(hosts, " ")))
	}
	return out
}

// Compare returns a *MismatchError on every rank unless all ranks have the same items, such as "program version" or "data set" with a version or a
// fingerprint. All ranks call it at the start of a run.
func Compare(c Comm, items map[string]string) error {
	host, _ := os.Hostname()
	own, err := json.Marshal(report{host, items})
	if err != nil {
		return fmt.Errorf("ranks: compare: %w", err)
	}
	all, err := Gather(c, own)
	if err != nil {
		return err
	}
	reports, names := make([]report, len(all)), map[string]bool{}
	mismatch := &MismatchError{}
	for i, b := range all {
		if err := json.Unmarshal(b, &reports[i]); err != nil {
			return fmt.Errorf("ranks: compare: the report of rank %d: %w: start the same program on all ranks", i, err)
		}
		mismatch.Hosts = append(mismatch.Hosts, reports[i].Host)
		for name := range reports[i].Items {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		d := Difference{Item: name}
		for _, r := range reports {
			d.Values = append(d.Values, r.Items[name])
		}
		if len(slices.Compact(slices.Clone(d.Values))) > 1 {
			mismatch.Differences = append(mismatch.Differences, d)
		}
	}
	if mismatch.Differences == nil {
		return nil
	}
	return mismatch
}
