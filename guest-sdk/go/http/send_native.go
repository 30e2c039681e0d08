//go:build !wasm

package http

import (
	"fmt"
	"net/url"

	"leveret/plugin/internal/standin"
)

func send(request Request, _ *url.URL) (Response, error) {
	answer := standin.Answer()
	if answer == nil {
		return Response{}, fmt.Errorf("%w: a test answers requests by plugintest.HTTP", ErrFailed)
	}
	answered, err := answer(request)
	if err != nil {
		return Response{}, err
	}
	response := answered.(Response)
	if len(response.Body) > request.ResponseLimit {
		return Response{}, tooLarge(request)
	}
	return response, nil
}
