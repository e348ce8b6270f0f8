package conformance

import "testing"

// serviceName is the service of all suites.
const serviceName = "connectrpc.conformance.v1.ConformanceService"

// TestClient runs all gRPC cases for clients, 217 plain and 192 with gzip: the suites' client, then a leg of gRPC, one WebSocket
// for each server from bridge.Dial to a bridge, and the upstream leg. What fails is what grpc-go's client is known to fail by
// itself.
func TestClient(t *testing.T) {
	t.Parallel()
	s := buildSuite(t)
	s.run(t, trial{
		mode: "client", config: "testdata/grpc.yaml",
		role: grpcRole, args: []string{s.grpcClient, "-p", "32"},
		knownFailing: s.knownFailing("grpcclient"),
		atLeast:      405,
	})
}
