package http

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"leveret/plugin/internal/bindings/wasi_http_outgoing_handler"
	http "leveret/plugin/internal/bindings/wasi_http_types"
	"leveret/plugin/internal/bindings/wasi_io_streams"
	wit "leveret/plugin/internal/wit/types"
)

const (
	// What one write may carry.
	writeSize = 4096
	readSize  = 64 << 10
)

func send(request Request, target *url.URL) (Response, error) {
	outgoing, err := outgoing(request, target)
	if err != nil {
		return Response{}, err
	}
	// Where none is taken the host knows that there is none, and need not announce one.
	var body *http.OutgoingBody
	if len(request.Body) > 0 {
		body = outgoing.Body().Ok()
	}
	handled := wasi_http_outgoing_handler.Handle(outgoing, wit.None[*http.RequestOptions]())
	if handled.Tag() == wit.ResultErr {
		if body != nil {
			body.Drop()
		}
		return Response{}, failed(handled.Err())
	}
	future := handled.Ok()
	defer future.Drop()
	// A host that has refused takes no body; why it refused is in the response.
	var unwritten error
	if body != nil {
		unwritten = write(body, request.Body)
	}
	incoming, err := wait(future)
	if err != nil {
		return Response{}, err
	}
	defer incoming.Drop()
	if unwritten != nil {
		return Response{}, unwritten
	}
	return read(incoming, request)
}

func outgoing(request Request, target *url.URL) (outgoing *http.OutgoingRequest, err error) {
	var entries []wit.Tuple2[string, []uint8]
	for name, value := range request.Headers {
		entries = append(entries, wit.Tuple2[string, []uint8]{F0: name, F1: []byte(value)})
	}
	expectsBody := request.Method == "POST" || request.Method == "PUT" || request.Method == "PATCH"
	if expectsBody || len(request.Body) > 0 {
		size := strconv.Itoa(len(request.Body))
		entries = append(entries, wit.Tuple2[string, []uint8]{F0: "content-length", F1: []byte(size)})
	}
	fields := http.FieldsFromList(entries)
	if fields.Tag() == wit.ResultErr {
		return nil, fmt.Errorf("%w: one of its headers is malformed, or the host's", ErrInvalid)
	}
	outgoing = http.MakeOutgoingRequest(fields.Ok())
	scheme := http.MakeSchemeHttps()
	if target.Scheme == "http" {
		scheme = http.MakeSchemeHttp()
	}
	switch {
	case !taken(outgoing.SetMethod(method(request.Method))):
		err = fmt.Errorf("%w: the method %q", ErrInvalid, request.Method)
	case !taken(outgoing.SetScheme(wit.Some(scheme))), !taken(outgoing.SetAuthority(wit.Some(target.Host))),
		!taken(outgoing.SetPathWithQuery(wit.Some(target.RequestURI()))):
		err = fmt.Errorf("%w: the URL %q", ErrInvalid, request.URL)
	default:
		return outgoing, nil
	}
	outgoing.Drop()
	return nil, err
}

func taken(set wit.Result[wit.Unit, wit.Unit]) bool {
	return set.Tag() == wit.ResultOk
}

func method(name string) http.Method {
	switch name {
	case "GET":
		return http.MakeMethodGet()
	case "HEAD":
		return http.MakeMethodHead()
	case "POST":
		return http.MakeMethodPost()
	case "PUT":
		return http.MakeMethodPut()
	case "DELETE":
		return http.MakeMethodDelete()
	case "OPTIONS":
		return http.MakeMethodOptions()
	case "PATCH":
		return http.MakeMethodPatch()
	}
	return http.MakeMethodOther(name)
}

// write writes the whole body and ends it. What it opens it closes, the stream before the body that the stream is of.
func write(body *http.OutgoingBody, text []byte) error {
	stream := body.Write().Ok()
	for len(text) > 0 {
		size := min(len(text), writeSize)
		written := stream.BlockingWriteAndFlush(text[:size])
		if written.Tag() == wit.ResultErr {
			err := broken(written.Err())
			stream.Drop()
			body.Drop()
			return err
		}
		text = text[size:]
	}
	stream.Drop()
	finished := http.OutgoingBodyFinish(body, wit.None[*http.Fields]())
	if finished.Tag() == wit.ResultErr {
		return failed(finished.Err())
	}
	return nil
}

func wait(future *http.FutureIncomingResponse) (*http.IncomingResponse, error) {
	for {
		if got := future.Get(); got.Tag() == wit.OptionSome {
			answered := got.Some().Ok()
			if answered.Tag() == wit.ResultErr {
				return nil, failed(answered.Err())
			}
			return answered.Ok(), nil
		}
		pollable := future.Subscribe()
		pollable.Block()
		pollable.Drop()
	}
}

func read(incoming *http.IncomingResponse, request Request) (Response, error) {
	response := Response{Status: int(incoming.Status()), Headers: headers(incoming)}
	body := incoming.Consume().Ok()
	defer body.Drop()
	stream := body.Stream().Ok()
	defer stream.Drop()
	for {
		// One byte more than allowed tells that there are more.
		room := min(request.ResponseLimit-len(response.Body)+1, readSize)
		part := stream.BlockingRead(uint64(room))
		if part.Tag() == wit.ResultErr {
			if part.Err().Tag() == wasi_io_streams.StreamErrorClosed {
				return response, nil
			}
			return Response{}, broken(part.Err())
		}
		response.Body = append(response.Body, part.Ok()...)
		if len(response.Body) > request.ResponseLimit {
			return Response{}, tooLarge(request)
		}
	}
}

func headers(incoming *http.IncomingResponse) map[string]string {
	fields := incoming.Headers()
	defer fields.Drop()
	headers := map[string]string{}
	for _, entry := range fields.Entries() {
		name, value := strings.ToLower(entry.F0), string(entry.F1)
		if before, repeated := headers[name]; repeated {
			value = before + ", " + value
		}
		headers[name] = value
	}
	return headers
}

func broken(err wasi_io_streams.StreamError) error {
	if err.Tag() == wasi_io_streams.StreamErrorClosed {
		return fmt.Errorf("%w: the connection was closed", ErrFailed)
	}
	cause := err.LastOperationFailed()
	defer cause.Drop()
	if code := http.HttpErrorCode(cause); code.Tag() == wit.OptionSome {
		return failed(code.Some())
	}
	return fmt.Errorf("%w: %s", ErrFailed, cause.ToDebugString())
}
