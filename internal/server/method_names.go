package server

import (
	"sync"

	"google.golang.org/grpc"
)

// maxMethodNames is how many methods of an upstream have metrics of their own; the rest share one name.
const maxMethodNames = 1000

const otherMethods = "other"

// methodNames bounds the names that an upstream's methods have in metrics: where it has no descriptors, the client chooses
// them. Safe for concurrent use.
type methodNames struct {
	observe grpc.StreamServerInterceptor

	mu    sync.Mutex
	known map[string]struct{} // guarded by mu
}

// stream is a [grpc.StreamServerInterceptor]: observe, with a name that may be shared.
func (n *methodNames) stream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	named := *info
	named.FullMethod = n.name(info.FullMethod)
	return n.observe(srv, ss, &named, handler)
}

func (n *methodNames) name(method string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, ok := n.known[method]; ok {
		return method
	}
	if len(n.known) >= maxMethodNames {
		return otherMethods
	}
	if n.known == nil {
		n.known = make(map[string]struct{})
	}
	n.known[method] = struct{}{}
	return method
}
