package plugin

// Task is an order to change state, within the plugin's own application.
type Task struct {
	// Name is relative to the application, and one of those that [Description] lists under Emits.
	Name string
	// Payload is anything that encoding/json makes a JSON text of. What it cannot is a rejection, since it could not the
	// next time either.
	Payload any
	// Key is the ordering key, or empty: tasks of one key are performed one at a time and in order, where the worker asks
	// for it. At most 255 bytes.
	Key string
	// Headers are further ones, by name. Names that begin with `x-leveret-`, `leveret-` or `x-death` are the host's, and
	// `cc` and `bcc` are the broker's: they fail the delivery.
	Headers map[string]string
}
