// Package terminal is Rialto's chat for terminals, on the Go SDK.
//
// [RunScreen] is the full-screen program for a person; [RunLines] reads and writes lines, for scripts. [Tokens] keeps a
// guest's identity from one run to the next. Whatever other people have written passes [Clean] or [CleanLine] before it
// reaches a terminal.
package terminal
