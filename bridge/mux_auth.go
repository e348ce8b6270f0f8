package bridge

import (
	bridgev1 "github.com/rialto-rpc/rialto/gen/go/rialto/bridge/v1"
	"google.golang.org/grpc/metadata"
)

// authenticate answers an AUTH: new metadata for later calls. The answer may take its time, so it is not the reader's to wait
// for; a client waits for it before it sends the next AUTH.
func (m *muxServer) authenticate(f muxFrame) error {
	auth := new(bridgev1.Auth)
	if err := f.decode(auth); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.verifying {
		return protocolError("AUTH before the answer to the last")
	}
	next, err := metadataFromEntries(auth.GetMetadata(), m.handler.config.maxMetadataBytes)
	if err != nil {
		return m.answerAuth(err)
	}
	m.verifying = true
	current := m.defaults
	// Owner: the connection. Ends when the program has decided; muxServer.serve waits for it.
	m.calls.Go(func() { m.verify(current, next) })
	return nil
}

func (m *muxServer) verify(current, next metadata.MD) {
	var err error
	if verify := m.handler.config.mux.verify; verify != nil {
		err = verify(m.ctx, current.Copy(), next.Copy())
	}
	m.mu.Lock()
	if err == nil {
		m.defaults = next
	}
	m.verifying = false
	m.mu.Unlock()
	m.answerAuth(err)
}

func (m *muxServer) answerAuth(err error) error {
	answer := new(bridgev1.Auth)
	if err != nil {
		st := statusOf(err).Proto()
		st.Details = nil
		st.Message = cut(closeReason(st.GetMessage()), maxErrorBytes)
		answer.Status = st
	}
	return m.session.answer(muxFrame{kind: kindAuth, payload: marshalControl(answer)})
}
