package net

import (
	"fmt"
	"slices"
	"strings"
)

// The branches of a run that a checkpoint may hold: the trained backbone, for which Meta.Branch is "", and its momentum encoder.
const (
	Online  = "online"
	Teacher = "teacher"
)

// Branches lists the backbones that a checkpoint holds: Online, and Teacher if the method keeps a momentum encoder of the backbone.
func (c *Checkpoint) Branches() []string {
	for name := range c.tensors {
		if strings.HasPrefix(name, averagePrefix+BackbonePrefix) {
			return []string{Online, Teacher}
		}
	}
	return []string{Online}
}

// Choose selects the branch that RestoreBackbone reads; "" keeps the method's choice. A branch that the file does not hold is an error that lists those
// it holds.
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
