package bridge

import (
	"context"
	"strings"
	"time"

	bridgev1 "github.com/rialto-rpc/rialto/gen/go/rialto/bridge/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// openPayload is the payload of OPEN for an attempt on l. It asks the credentials, which may take as long as the call's context
// lets them. The error is a status.
func (c *clientCall) openPayload(l *link) ([]byte, error) {
	md, err := c.outgoingMetadata(l)
	if err != nil {
		return nil, err
	}
	open := &bridgev1.Open{Method: c.method, Codec: c.info.openCodec()}
	open.Metadata, _ = metadataToEntries(md)
	if c.compression != nil {
		open.Encoding = c.compression.Name()
	}
	if deadline, ok := c.parent.Deadline(); ok {
		left := time.Until(deadline)
		if left <= 0 {
			return nil, status.FromContextError(context.DeadlineExceeded).Err()
		}
		open.TimeoutNs = new(uint64)
		*open.TimeoutNs = uint64(left)
	}
	if strings.ToValidUTF8(c.method, "") != c.method {
		return nil, status.Errorf(codes.Internal, "malformed method name: %q", c.method)
	}
	payload := marshalControl(open)
	if len(payload) > maxControlBytes {
		return nil, status.Errorf(codes.ResourceExhausted, "metadata larger than a call can have (%d vs. %d bytes)", len(payload), maxControlBytes)
	}
	return payload, nil
}

// outgoingMetadata is the metadata of the program and of the credentials, as grpc-go joins them.
func (c *clientCall) outgoingMetadata(l *link) (metadata.MD, error) {
	md, _ := metadata.FromOutgoingContext(c.parent)
	all := append([]credentials.PerRPCCredentials(nil), c.cc.config.credentials...)
	if creds := c.info.credentials; creds != nil {
		if creds.RequireTransportSecurity() && credentials.CheckSecurityLevel(l.peer.AuthInfo, credentials.PrivacyAndIntegrity) != nil {
			return nil, status.Error(codes.Unauthenticated, "cannot send secure credentials on an insecure connection")
		}
		all = append(all, creds)
	}
	if len(all) == 0 {
		return md, nil
	}
	if md == nil {
		md = metadata.MD{}
	}
	ctx := credentials.NewContextWithRequestInfo(c.parent, credentials.RequestInfo{Method: c.method, AuthInfo: l.peer.AuthInfo})
	for _, creds := range all {
		entries, err := creds.GetRequestMetadata(ctx, c.audience())
		if err != nil {
			return nil, credentialsError(err)
		}
		for key, value := range entries {
			key = strings.ToLower(key)
			if err := validateOutgoing(metadata.MD{key: {value}}); err != nil {
				return nil, err
			}
			md.Append(key, value)
		}
	}
	return md, nil
}

// audience is the URI that credentials are made for, as grpc-go writes it: without the method and the default port.
func (c *clientCall) audience() string {
	service := c.method
	if i := strings.LastIndexByte(service, '/'); i >= 0 {
		service = service[:i]
	}
	return "https://" + strings.TrimSuffix(c.cc.target.Host, ":443") + service
}

// credentialsError is the status of a call whose credentials failed. A status keeps its code, unless that is one which only
// services give (gRFC A54).
func credentialsError(err error) error {
	st, ok := status.FromError(err)
	if !ok {
		return status.Errorf(codes.Unauthenticated, "per-RPC credentials failed: %v", err)
	}
	switch st.Code() {
	case codes.InvalidArgument, codes.NotFound, codes.AlreadyExists, codes.FailedPrecondition, codes.Aborted, codes.OutOfRange, codes.DataLoss:
		return status.Errorf(codes.Internal, "per-RPC credentials failed with a status that is not theirs to give: %v", err)
	}
	return err
}

// validateOutgoing checks metadata by grpc-go's rules, which leave pseudo-headers out: like all reserved names they are not sent.
func validateOutgoing(md metadata.MD) error {
	for key, values := range md {
		if strings.HasPrefix(key, ":") {
			continue
		}
		if err := validateMetadata(metadata.MD{key: values}); err != nil {
			return status.Error(codes.Internal, err.Error())
		}
	}
	return nil
}

// openCodec is the codec's name in OPEN.
func (info *callInfo) openCodec() string {
	if info.subtype != "" {
		return info.subtype
	}
	return info.codecName
}
