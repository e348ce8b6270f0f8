package conformance

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

// The runner and a server exchange one request and one response, each with its length in front, as in
// connectrpc/conformance/v1/server_compat.proto. The suites' generated code is internal to them, so this is by hand.

const (
	http1 = 1 // HTTPVersion
	http2 = 2

	protocolGRPC = 2 // Protocol
)

// serverRequest is ServerCompatRequest: what kind of server is wanted.
type serverRequest struct {
	protocol, httpVersion, receiveLimit uint64
}

// serverResponse is ServerCompatResponse: where the server is.
type serverResponse struct {
	host string
	port uint64
}

func (r serverRequest) encode() []byte {
	b := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), r.protocol)
	b = protowire.AppendVarint(protowire.AppendTag(b, 2, protowire.VarintType), r.httpVersion)
	return protowire.AppendVarint(protowire.AppendTag(b, 6, protowire.VarintType), r.receiveLimit)
}

func decodeServerRequest(b []byte) (r serverRequest, err error) {
	err = eachField(b, func(number protowire.Number, varint uint64, _ []byte) {
		switch number {
		case 1:
			r.protocol = varint
		case 2:
			r.httpVersion = varint
		case 6:
			r.receiveLimit = varint
		}
	})
	return r, err
}

func (r serverResponse) encode() []byte {
	b := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), r.host)
	return protowire.AppendVarint(protowire.AppendTag(b, 2, protowire.VarintType), r.port)
}

func decodeServerResponse(b []byte) (r serverResponse, err error) {
	err = eachField(b, func(number protowire.Number, varint uint64, bytes []byte) {
		switch number {
		case 1:
			r.host = string(bytes)
		case 2:
			r.port = varint
		}
	})
	return r, err
}

// eachField calls visit for every field of a message that has only varints and bytes.
func eachField(b []byte, visit func(number protowire.Number, varint uint64, bytes []byte)) error {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		var varint uint64
		var bytes []byte
		switch kind {
		case protowire.VarintType:
			varint, n = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			bytes, n = protowire.ConsumeBytes(b)
		default:
			return fmt.Errorf("field %d has wire type %d", number, kind)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		visit(number, varint, bytes)
	}
	return nil
}

func readMessage(r io.Reader) ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	message := make([]byte, binary.BigEndian.Uint32(length[:]))
	_, err := io.ReadFull(r, message)
	return message, err
}

func writeMessage(w io.Writer, message []byte) error {
	_, err := w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(message))), message...))
	return err
}

// Of ClientCompatRequest, in client_compat.proto.
const (
	hostField = 6
	portField = 7
)

// addressedTo returns the address of the server that a ClientCompatRequest is for.
func addressedTo(request []byte) (string, error) {
	var host string
	var port uint64
	err := eachField(request, func(number protowire.Number, varint uint64, bytes []byte) {
		switch number {
		case hostField:
			host = string(bytes)
		case portField:
			port = varint
		}
	})
	return net.JoinHostPort(host, strconv.FormatUint(port, 10)), err
}

// readdress returns a ClientCompatRequest for another server: of a field that is there twice the last one counts.
func readdress(request []byte, address string) ([]byte, error) {
	host, port, err := splitAddress(address)
	if err != nil {
		return nil, err
	}
	request = protowire.AppendString(protowire.AppendTag(request, hostField, protowire.BytesType), host)
	return protowire.AppendVarint(protowire.AppendTag(request, portField, protowire.VarintType), port), nil
}
