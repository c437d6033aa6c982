package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	hooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/rackstate/rackstate/backend"
)

// secretVar is the name of the environment variable that holds the secret of the receiver.
const secretVar = "INVENTORY_WEBHOOK_SECRET"

// runReceiver receives webhooks until ctx ends, and prints a line for each event.
func runReceiver(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("inventory receive", flag.ContinueOnError)
	flags.SetOutput(out)
	addr := flags.String("addr", "127.0.0.1:9000", "`address` to listen on")
	secret := flags.String("secret", "", "the secret that events are signed with (default: $"+secretVar+", else one is made)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q; see -help", flags.Arg(0))
	}
	*secret = cmp.Or(*secret, os.Getenv(secretVar))
	if *secret == "" {
		key := make([]byte, 32)
		_, _ = rand.Read(key) // it never fails
		*secret = "whsec_" + base64.StdEncoding.EncodeToString(key)
		fmt.Fprintf(out, "the secret is %s\n", *secret)
	}
	r, err := newReceiver(*secret, out)
	if err != nil {
		return err
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", *addr)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "listening on http://%s/\n", listener.Addr())
	return r.serve(ctx, listener)
}

// maxEvent is how large an event may be, and remembered how many ids are kept to recognise repetitions. A real receiver keeps them with what it does about the events.
const (
	maxEvent   = 1 << 20
	remembered = 10_000
)

// receiver is somebody who is told of transitions.
type receiver struct {
	verify *hooks.Webhook
	out    io.Writer

	mu   sync.Mutex
	seen map[string]bool
	ids  []string // those of seen, oldest first
}

func newReceiver(secret string, out io.Writer) (*receiver, error) {
	verify, err := hooks.NewWebhook(secret)
	if err != nil {
		return nil, errors.New("the secret must be whsec_ and base64") // the error of the library may show it
	}
	return &receiver{verify: verify, out: out, seen: map[string]bool{}}, nil
}

func (r *receiver) serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{Handler: r, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), graceful)
	defer cancel()
	err := server.Shutdown(late)
	if why := <-ended; !errors.Is(why, http.ErrServerClosed) {
		err = errors.Join(err, why)
	}
	return err
}

// ServeHTTP takes an event over by answering with 204. Whatever is not signed is refused before anything is read out of it.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxEvent))
	var large *http.MaxBytesError
	switch {
	case req.Method != http.MethodPost:
		http.Error(w, "events are posted", http.StatusMethodNotAllowed)
	case errors.As(err, &large):
		http.Error(w, "the event is too large", http.StatusRequestEntityTooLarge)
	case err != nil:
		http.Error(w, "the event breaks off", http.StatusBadRequest)
	case r.verify.Verify(body, req.Header) != nil:
		http.Error(w, "the signature is not valid", http.StatusUnauthorized)
	default:
		if err := r.take(req.Header.Get(hooks.HeaderWebhookID), body); err != nil {
			http.Error(w, err.Error(), http.StatusUnprocessableEntity)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

// take prints an event that was not seen before. Events come at least once, and those of one object in order.
func (r *receiver) take(id string, body []byte) error {
	var e event.Event
	var t backend.Transition
	if err := json.Unmarshal(body, &e); err != nil {
		return fmt.Errorf("this is no event: %w", err)
	}
	if err := e.DataAs(&t); err != nil {
		return fmt.Errorf("this is no transition: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen[id] {
		return nil
	}
	if _, err := fmt.Fprintln(r.out, line(&t)); err != nil {
		return err // it comes again
	}
	r.seen[id] = true
	if r.ids = append(r.ids, id); len(r.ids) > remembered {
		delete(r.seen, r.ids[0])
		r.ids = r.ids[1:]
	}
	return nil
}

func line(t *backend.Transition) string {
	text := fmt.Sprintf("%s  %s  %s -> %s  by %s", t.At.UTC().Format(time.RFC3339), t.Ref, cmp.Or(t.From, "(new)"), cmp.Or(t.To, "(gone)"), t.Initiator)
	if t.Note != "" {
		text += "  (" + t.Note + ")"
	}
	return text
}
