package state

// NewCommand returns an empty command of a kind, nil if there is no such kind: for tests that walk all kinds.
var NewCommand = newCommand
