// Package state is the deterministic state machine of the chat and its Pebble view.
package state
