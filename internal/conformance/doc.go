// Package conformance runs the suites of connectrpc.com/conformance, which nobody here wrote, against the bridge. It has
// only tests; the suites' programs are pinned in tools/conformance.mod.
package conformance
