// Package http makes HTTP requests of a worker, where the operator grants them: the hosts, ports and methods are listed in
// `leveret.toml` under `[[plugin.NAME.grants.http.allow]]`, and the limits on time and size under `[plugin.NAME.grants.http]`.
//
// Calling [Send] makes the component import `wasi:http`. A plugin that does and is no worker is refused, since subscribers
// are pure. Natively a test answers: see the package leveret/plugin/plugintest.
package http

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// ResponseLimit is the most bytes that a response's body may have unless the request says otherwise.
const ResponseLimit = 1 << 20

var (
	// ErrInvalid is that a request is not legal: its URL, its method or one of its headers.
	ErrInvalid = errors.New("the request is not legal")
	// ErrFailed is that the host did not make the request, since it is not granted, or got no response.
	ErrFailed = errors.New("the request failed")
	// ErrTooLarge is that a response's body is larger than the request allows.
	ErrTooLarge = errors.New("the response's body is too large")
)

// Request is a request.
type Request struct {
	// Method is such as `POST`; empty means `GET`.
	Method string
	// URL is the whole one, `https://` or `http://`.
	URL string
	// Headers are by name. `host`, `content-length` and those of the connection are the host's.
	Headers map[string]string
	// Body may be empty.
	Body []byte
	// ResponseLimit is the most bytes of a response's body that are taken; 0 means [ResponseLimit]. The operator's limit
	// comes first.
	ResponseLimit int
}

// Response is a response that came whole. Its status may be anything.
type Response struct {
	// Status is such as 200.
	Status int
	// Headers are by name, in lower case; the values of one name are joined by a comma.
	Headers map[string]string
	// Body is all of it.
	Body []byte
}

// Header is the value of the header of this name, in any case, or empty.
func (response Response) Header(name string) string {
	return response.Headers[strings.ToLower(name)]
}

// IsSuccess says whether the status is one of 200 to 299.
func (response Response) IsSuccess() bool {
	return response.Status >= 200 && response.Status < 300
}

// Send makes a request and waits for the whole response. The operator's limits on time and size hold for it; redirects are
// not followed. The error wraps [ErrInvalid], [ErrFailed] with the host's reason, or [ErrTooLarge].
func Send(request Request) (Response, error) {
	if request.Method == "" {
		request.Method = "GET"
	}
	if request.ResponseLimit == 0 {
		request.ResponseLimit = ResponseLimit
	}
	target, err := url.Parse(request.URL)
	switch {
	case err != nil:
		return Response{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	case target.Scheme != "https" && target.Scheme != "http":
		return Response{}, fmt.Errorf("%w: the URL %q does not begin with https:// or http://", ErrInvalid, request.URL)
	case target.Host == "":
		return Response{}, fmt.Errorf("%w: the URL %q names no host", ErrInvalid, request.URL)
	case target.User != nil:
		return Response{}, fmt.Errorf("%w: a URL carries no name or password: use the header `authorization`", ErrInvalid)
	}
	return send(request, target)
}

func tooLarge(request Request) error {
	return fmt.Errorf("%w: over %d bytes", ErrTooLarge, request.ResponseLimit)
}
