package vk

// #include "shim.h"
import "C"

import (
	"fmt"
	"slices"
	"sync"
)

// messages are those of the validation layer: all are counted, and the first 64 are kept.
var messages struct {
	sync.Mutex
	count int
	kept  []string
}

//export marr_message
func marr_message(text *C.char) {
	messages.Lock()
	defer messages.Unlock()
	messages.count++
	if len(messages.kept) < 64 {
		messages.kept = append(messages.kept, C.GoString(text))
	}
}

// ValidationMessages returns the messages of the validation layer so far, for all devices of the process: errors, synchronization
// hazards and warnings, at most the first 64.
func ValidationMessages() []string {
	messages.Lock()
	defer messages.Unlock()
	return slices.Clone(messages.kept)
}

// CheckValidation returns an error if the validation layer has reported a message. A TestMain calls it after m.Run and after
// closing its devices, so that tests under MARR_VALIDATION=1 fail on every message.
func CheckValidation() error {
	messages.Lock()
	defer messages.Unlock()
	if messages.count == 0 {
		return nil
	}
	return fmt.Errorf("vk: %d validation messages, the first: %s", messages.count, messages.kept[0])
}

// clearMessages forgets the messages so far.
func clearMessages() {
	messages.Lock()
	defer messages.Unlock()
	messages.count, messages.kept = 0, nil
}
