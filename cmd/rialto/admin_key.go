package main

import (
	"fmt"
	"path/filepath"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rialto-rpc/rialto/internal/server"
)

// adminKey says where the key is by which a server knows its operator.
type adminKey struct {
	Data    string `default:"rialto-data" placeholder:"DIR" help:"The server's data directory, where its key for operators is: admin.key (${default})."`
	KeyFile string `env:"RIALTO_ADMIN_KEY_FILE" placeholder:"FILE" help:"That key, if it is elsewhere."`
}

func (k adminKey) path() string {
	if k.KeyFile != "" {
		return k.KeyFile
	}
	return filepath.Join(k.Data, server.AdminKeyFile)
}

// load returns the option that sends the key. Calls without it tell more of what is wrong than its error: whether there is a
// server, and whether it needs a key.
func (k adminKey) load() ([]grpc.DialOption, error) {
	key, err := server.LoadAdminKey(k.path())
	if err != nil {
		return nil, err
	}
	return []grpc.DialOption{grpc.WithPerRPCCredentials(key)}, nil
}

// explain says what to do about a call that failed for want of the key; loadErr is why it was not sent.
func (k adminKey) explain(err, loadErr error) error {
	switch {
	case status.Code(err) != codes.Unauthenticated:
		return err
	case loadErr != nil:
		return fmt.Errorf("%w: say with --data where the server's data directory is, or with --key-file where its admin.key is", loadErr)
	}
	return fmt.Errorf("the server does not take the key in %s: it is not the one in its data directory (--data, --key-file)", k.path())
}
