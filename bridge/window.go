package bridge

import "math"

const (
	// Start values: what each side may rely on before it has seen the other's settings, which can only raise them.
	startStreamWindow     = 64 << 10
	startConnectionWindow = 1 << 20
	startChunkBytes       = 16 << 10
	startMaxStreams       = 100
	startMetadataBytes    = 8 << 10

	maxWindowBytes = math.MaxInt32
)

// dataCost is what a DATA frame takes of the windows: its payload, but at least one byte. Otherwise empty messages would
// cost nothing, and a peer could make us keep any number of them.
func dataCost(payloadBytes int) int { return max(payloadBytes, 1) }

// sendWindow is how much DATA the peer takes, of a stream or of the connection.
type sendWindow struct{ available int }

// grant adds what the peer grants. The error is a *connError.
func (w *sendWindow) grant(n int) error {
	if n > maxWindowBytes-w.available {
		return protocolError("window over 2^31-1 bytes")
	}
	w.available += n
	return nil
}

func (w *sendWindow) take(n int) { w.available -= n }

// recvWindow is how much DATA we take, of a stream or of the connection. What was consumed is granted again in batches of
// half a window, so that most DATA frames cause no WINDOW frame.
type recvWindow struct {
	size      int // what the peer may have under way when all was granted
	available int // what it may still send
	owed      int // consumed and not granted again yet
}

func newRecvWindow(size int) recvWindow { return recvWindow{size: size, available: size} }

// arrived takes what the peer sent. The error, a *connError, is that it had no credit for it.
func (w *recvWindow) arrived(cost int) error {
	if cost > w.available {
		return protocolError("DATA without credit")
	}
	w.available -= cost
	return nil
}

// consumed returns what is to be granted now, in a WINDOW frame; 0 for nothing yet.
func (w *recvWindow) consumed(cost int) (grant int) {
	w.owed += cost
	if w.owed < w.size/2 {
		return 0
	}
	grant = w.owed
	w.owed = 0
	w.available += grant
	return grant
}
