package deliver

import "leveret/plugin"

// Handler is what an author registered for one event or one task: M is the message, its payload still a JSON text, and R
// what comes of it.
type Handler[M, R any] struct {
	Name, Schema string
	Handle       func(M) (R, error)
}

// Handlers are all of a kind.
type Handlers[M, R any] struct {
	All []Handler[M, R]
}

// Add adds a handler. A second one of the same name is a panic.
func (handlers *Handlers[M, R]) Add(name string, handle func(M) (R, error), options []plugin.HandlerOption) {
	if _, taken := handlers.Find(name); taken {
		panic("plugin: " + name + " has two handlers")
	}
	added := Handler[M, R]{Name: name, Handle: handle}
	for _, option := range options {
		switch option := option.(type) {
		case plugin.Schema:
			added.Schema = string(option)
		}
	}
	handlers.All = append(handlers.All, added)
}

// Find looks for the handler of this name.
func (handlers *Handlers[M, R]) Find(name string) (Handler[M, R], bool) {
	for _, handler := range handlers.All {
		if handler.Name == name {
			return handler, true
		}
	}
	return Handler[M, R]{}, false
}
