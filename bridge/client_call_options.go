package bridge

import (
	"fmt"
	"math"
	"reflect"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

const (
	defaultCallMaxRecvBytes = 4 << 20       // as grpc-go
	defaultCallMaxSendBytes = math.MaxInt32 // as grpc-go
	defaultReplayBytes      = 256 << 10     // as grpc-go's MaxRetryRPCBufferSize
	grpcPackage             = "google.golang.org/grpc"
)

// callInfo is what the options of a call ask for. The methods of a [grpc.CallOption] are grpc-go's own, so each kind is told
// by its type.
type callInfo struct {
	waitForReady   bool
	maxRecvBytes   int
	maxSendBytes   int
	maxReplayBytes int
	credentials    credentials.PerRPCCredentials // nil: none
	compressor     string                        // "": none
	subtype        string                        // "": the codec's name
	codec          messageCodec                  // nil: the one registered for the subtype
	codecName      string                        // the subtype, unless that is set
	authority      string                        // "": the target's

	// What to fill in and to call when the call has ended.
	header   []*metadata.MD
	trailer  []*metadata.MD
	peer     []*peer.Peer
	onFinish []func(error)
}

// newCallInfo applies options in order, so that the later one of a kind counts. The error is a status: UNIMPLEMENTED that names
// an option which cannot be honoured.
func newCallInfo(opts ...[]grpc.CallOption) (callInfo, error) {
	info := callInfo{
		maxRecvBytes:   defaultCallMaxRecvBytes,
		maxSendBytes:   defaultCallMaxSendBytes,
		maxReplayBytes: defaultReplayBytes,
	}
	var refused error
	for _, list := range opts {
		for _, opt := range list {
			if err := info.apply(opt); err != nil && refused == nil {
				refused = err // the others still count: OnFinish wants to know
			}
		}
	}
	return info, refused
}

func (info *callInfo) apply(opt grpc.CallOption) error {
	switch o := opt.(type) {
	case grpc.EmptyCallOption, grpc.StaticMethodCallOption: // these say nothing that concerns us
	case grpc.HeaderCallOption:
		info.header = append(info.header, o.HeaderAddr)
	case grpc.TrailerCallOption:
		info.trailer = append(info.trailer, o.TrailerAddr)
	case grpc.PeerCallOption:
		info.peer = append(info.peer, o.PeerAddr)
	case grpc.OnFinishCallOption:
		info.onFinish = append(info.onFinish, o.OnFinish)
	case grpc.FailFastCallOption:
		info.waitForReady = !o.FailFast
	case grpc.MaxRecvMsgSizeCallOption:
		info.maxRecvBytes = min(o.MaxRecvMsgSize, maxMessageLimit)
	case grpc.MaxSendMsgSizeCallOption:
		info.maxSendBytes = min(o.MaxSendMsgSize, maxMessageLimit)
	case grpc.MaxRetryRPCBufferSizeCallOption:
		info.maxReplayBytes = o.MaxRetryRPCBufferSize
	case grpc.PerRPCCredsCallOption:
		info.credentials = o.Creds
	case grpc.CompressorCallOption:
		info.compressor = o.CompressorType
	case grpc.ContentSubtypeCallOption:
		info.subtype = strings.ToLower(o.ContentSubtype)
	case grpc.ForceCodecCallOption:
		info.forceCodec(oldCodec{o.Codec}, o.Codec.Name())
	case grpc.ForceCodecV2CallOption:
		info.forceCodec(bufferCodec{o.CodecV2}, o.CodecV2.Name())
	case grpc.CustomCodecCallOption:
		info.forceCodec(oldCodec{o.Codec}, "")
	case grpc.AuthorityOverrideCallOption:
		info.authority = o.Authority
	default:
		return info.applyUnknown(opt)
	}
	return nil
}

// forceCodec sets the codec; its name is the subtype unless grpc.CallContentSubtype says another. As with grpc-go the names of
// [grpc.Codec] do not count.
func (info *callInfo) forceCodec(codec messageCodec, name string) {
	info.codec, info.codecName = codec, strings.ToLower(name)
}

// applyUnknown handles an option of another package: satellite data for interceptors, around one of grpc-go's options. One of
// grpc-go's own that is not known here is refused, rather than ignored in silence.
func (info *callInfo) applyUnknown(opt grpc.CallOption) error {
	value := reflect.Indirect(reflect.ValueOf(opt))
	if value.Kind() != reflect.Struct || value.Type().PkgPath() == grpcPackage {
		return status.Errorf(codes.Unimplemented, "bridge: call option %T cannot be honoured over WebSocket", opt)
	}
	for i := range value.NumField() {
		field := value.Type().Field(i)
		if !field.Anonymous || !field.IsExported() {
			continue
		}
		if embedded, ok := value.Field(i).Interface().(grpc.CallOption); ok {
			if err := info.apply(embedded); err != nil {
				return err
			}
		}
	}
	return nil
}

// settle completes the options: the codec, and what the connection cannot do for a call.
func (info *callInfo) settle(host string) error {
	if info.authority != "" && info.authority != host {
		return status.Error(codes.Unimplemented, fmt.Sprintf(
			"bridge: call option grpc.CallAuthority(%q) cannot be honoured: the authority of all calls on a WebSocket is %q",
			info.authority, host))
	}
	return info.settleCodec()
}
