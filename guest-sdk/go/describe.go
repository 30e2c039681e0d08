package plugin

import (
	"leveret/plugin/internal/bindings/leveret_plugin_manifest"
	"leveret/plugin/internal/convert"
	"leveret/plugin/internal/entry"
)

func init() {
	entry.Describe = describe
	entry.Failure = contractFailure
}

func describe() leveret_plugin_manifest.Description {
	return leveret_plugin_manifest.Description{
		Version:       described.Version,
		Summary:       described.Summary,
		Subscriptions: entry.Subscriptions(),
		Emits:         shapes(described.Emits),
		Performs:      entry.Performs(),
		Announces:     shapes(described.Announces),
		Limits: leveret_plugin_manifest.Limits{
			Time:     convert.Positive(convert.Milliseconds(described.Limits.Time)),
			Memory:   convert.Positive(described.Limits.Memory),
			Prefetch: convert.Positive(described.Limits.Prefetch),
			Attempts: convert.Positive(described.Limits.Attempts),
		},
	}
}

func shapes(given []Shape) []leveret_plugin_manifest.Shape {
	var shapes []leveret_plugin_manifest.Shape
	for _, shape := range given {
		shapes = append(shapes, leveret_plugin_manifest.Shape{Name: shape.Name, Schema: convert.Text(shape.Schema)})
	}
	return shapes
}
