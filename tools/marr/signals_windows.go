package main

import "os"

// otherStops are signals of this system that stop a command.
var otherStops []os.Signal
