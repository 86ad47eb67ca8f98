package httpcheckreceiver

import "go.opentelemetry.io/collector/confmap"

// Unmarshal decodes a target as a whole. The HTTP client's settings that it embeds have an Unmarshal
// of their own since confighttp v0.160; promoted to the target, it would decode only itself, and
// the target's method and validations would be left out without a word.
func (cfg *targetConfig) Unmarshal(conf *confmap.Conf) error {
	return conf.Unmarshal(cfg)
}
