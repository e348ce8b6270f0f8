// Package server is a running Rialto: the chat services on their store, behind two ports and an admin port.
//
//	Run        starts everything in order, serves, and drains in the opposite order
//	Config     what can be chosen; see the flags of rialto serve
//
// One chat service object is registered on a grpc.Server and on a bridge.Handler, with the same interceptors; nothing
// dials. What starts first ends last:
//
//	listeners -> store -> sequencer -> chat service -> gRPC, HTTP and admin servers -> ready
//
// A failure of any part ends Run with that error. So does an error of the store, after which nothing more is stored and
// whoever still waits for a commit is told that its outcome is unknown.
package server
