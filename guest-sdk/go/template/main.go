// Thanks people for their payments.
package main

import (
	"fmt"
	"log/slog"

	"leveret/plugin"
	"leveret/plugin/subscriber"
)

const version = "0.1.0"

type Payment struct {
	User   User   `json:"user"`
	Amount uint64 `json:"amount"`
}

type User struct {
	Email string `json:"email"`
}

type Email struct {
	To       string `json:"to"`
	Template string `json:"template"`
}

func init() {
	plugin.Describe(plugin.Description{
		Version: version,
		Summary: "Thanks people for their payments.",
		Emits:   []plugin.Shape{{Name: "email.send"}},
	})
	subscriber.Handle("org.payment.processed", thank)
}

func thank(event plugin.Event[Payment]) ([]plugin.Task, error) {
	payment := event.Payload
	if payment.Amount == 0 {
		return nil, plugin.Reject("a payment of nothing")
	}
	slog.Info(fmt.Sprintf("%s paid %d", payment.User.Email, payment.Amount))
	return []plugin.Task{{
		Name:    "email.send",
		Payload: Email{To: payment.User.Email, Template: "thanks"},
	}}, nil
}

// The host calls the functions above; main is never run.
func main() {}
