// Package bench is the load behind `rialto bench`: it drives a server over its public wires, counts every delivery, and
// takes what the server's process costs from the operating system.
//
// A [Config] names a scenario and its sizes; [Run] plays it some times against each subject, taking turns, and returns a
// [Report]. A subject is a Rialto server in a process of its own, or the floor: the least that any chat over WebSocket can
// do, one write of a prebuilt frame to each client for each message, nothing parsed on the way out and nothing stored
// ([ServeFloor]). The floor speaks plain mode with the same protobuf messages, so that the generator does the same work
// for both, and figures are ratios within one run of one machine.
//
// What makes a figure count: every client saw every message once, in the order of everybody else, and the generator had
// a core to spare. A run in which that does not hold is reported and left out of the medians.
//
//   - config.go, scenario.go: what is played
//   - run.go, report.go, table.go: taking turns, medians, and how they are shown
//   - subject.go, process*.go: the server as a process
//   - conn.go, conn_*.go: one session over one wire
//   - encode.go, decode.go: requests and responses, without the price of whole messages
//   - client.go, fleet.go, pace.go, histogram.go: many sessions
//   - fanout.go, echo.go, …: one file for each kind of scenario
//   - floor.go: the floor
package bench
