package net

import (
	"fmt"
	"slices"
	"strings"
)

// Online is the branch that was trained; Meta.Branch says "" for it.
const Online = "online"

// Branches lists the backbones that a checkpoint holds: Online, and Teacher where the method keeps a momentum encoder of the backbone.
func (c *Checkpoint) Branches() []string {
	for name := range c.tensors {
		if bare, average := strings.CutPrefix(name, averagePrefix); average && ofBackbone(bare) {
			return []string{Online, Teacher}
		}
	}
	return []string{Online}
}

// Choose makes a branch the product that RestoreBackbone takes, in place of the method's choice; "" leaves that. One that the file does not hold is
// an error that lists those it holds.
func (c *Checkpoint) Choose(branch string) error {
	has := c.Branches()
	switch {
	case branch == "":
	case !slices.Contains(has, branch):
		return fmt.Errorf("net: the checkpoint has no branch %s, it holds %s: its method keeps no momentum encoder of the backbone: choose one that it holds", branch, strings.Join(has, ", "))
	case branch == Online:
		c.Meta.Branch = ""
	default:
		c.Meta.Branch = branch
	}
	return nil
}
