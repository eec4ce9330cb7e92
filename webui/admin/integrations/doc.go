// Package integrations is the panel's pages for programs beside the hotspot: API
// Access, with the action API's switches, addresses, key and reference, and
// webhooks.
//
// The device key is shown to whoever has entered the password a short while ago,
// on a page of its own; a webhook's secret once, on the page that follows its
// making. The reference is made of [api.Actions], which the API itself is made
// of; its examples are ready to be copied for this router's address.
package integrations
