// Command notes serves a page on which several people write one text, and carries its calls to the Rialto server. All that is
// particular about it happens in the pages: to the server a note is a room, and each change a message of typed bytes.
package main

import (
	"embed"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"path"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/rialto-rpc/rialto/bridge"
)

//go:embed index.html sync.js bind.js
var page embed.FS

func main() {
	address := flag.String("http", "localhost:8083", "where to listen")
	server := flag.String("rialto", "localhost:9090", "the Rialto server's gRPC address")
	modules := flag.String("modules", "examples/notes/node_modules", "where npm has put Yjs")
	flag.Parse()

	conn, err := grpc.NewClient(*server, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	rialto, err := bridge.NewHandler(bridge.WithUpstream(conn))
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("/", http.FileServerFS(page))
	http.Handle("/modules/", http.StripPrefix("/modules/", withExtension(http.FileServer(http.Dir(*modules)))))
	for _, service := range []string{"ChatService", "MessageService"} {
		http.Handle("/rialto.chat.v1."+service+"/", rialto)
	}
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s\n", listener.Addr())
	log.Fatal(http.Serve(listener, nil))
}

// withExtension finds the file of a module that is imported without one: lib0/encoding is lib0/encoding.js. With the import map
// of the page this does for a bundler.
func withExtension(files http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path.Ext(r.URL.Path) == "" {
			r.URL.Path += ".js"
		}
		files.ServeHTTP(w, r)
	})
}
