// Package bench measures the bridge next to what it replaces: native grpc-go, improbable-eng's grpcwebproxy and connect-go.
// docs/benchmarks.md has the figures and how they were taken; `make bench` takes them again.
//
// Every benchmark is the same body over every [way] in. The server runs in a process of its own, so that its processor time is
// told apart from the client's. All of it is in test files.
//
// The module is apart from the product's: it depends on rivals, and nothing depends on it.
package bench
