package v1

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	surface "github.com/vouchsafe/vouchsafe/api"
	"github.com/vouchsafe/vouchsafe/hotspot"
)

type (
	settingIn struct {
		Key string `path:"key" doc:"such as api.post"`
	}
	putSettingIn struct {
		Key  string `path:"key"`
		Body SettingValue
	}
	patchSettingsIn struct {
		Body SettingValues
	}
)

// SettingValue is what a setting is set to.
type SettingValue struct {
	Value string `json:"value"`
}

// SettingValues are what several settings are set to.
type SettingValues struct {
	Values map[string]string `json:"values" doc:"by key"`
}

// settings registers the operations on settings.
func (s *server) settings() {
	register(s, reads(surface.ScopeSettings), &huma.Operation{OperationID: "list-settings", Method: http.MethodGet, Path: "/settings",
		Summary: "List all settings, in order of key"}, (*server).listSettings)
	register(s, reads(surface.ScopeSettings), &huma.Operation{OperationID: "get-setting", Method: http.MethodGet, Path: "/settings/{key}",
		Summary: "Show a setting"}, (*server).getSetting)
	register(s, writes(surface.ScopeSettings), &huma.Operation{OperationID: "put-setting", Method: http.MethodPut, Path: "/settings/{key}",
		Summary: "Change a setting; it is in force at once"}, (*server).putSetting)
	register(s, writes(surface.ScopeSettings), &huma.Operation{OperationID: "patch-settings", Method: http.MethodPatch, Path: "/settings",
		Summary: "Change several settings in one step: all of them, or none. The answer lists all settings"}, (*server).patchSettings)
}

func (s *server) listSettings(ctx context.Context, _ *struct{}) (*item[List[Setting]], error) {
	keys := hotspot.SettingKeys()
	list := List[Setting]{Items: make([]Setting, 0, len(keys))}
	for _, k := range keys {
		set, err := s.setting(ctx, k)
		if err != nil {
			return nil, err
		}
		list.Items = append(list.Items, set)
	}
	return &item[List[Setting]]{list}, nil
}

func (s *server) getSetting(ctx context.Context, in *settingIn) (*item[Setting], error) {
	set, err := s.settingByKey(ctx, in.Key)
	return &item[Setting]{set}, err
}

func (s *server) putSetting(ctx context.Context, in *putSettingIn) (*item[Setting], error) {
	if err := s.Service.SetSetting(ctx, in.Key, in.Body.Value); err != nil {
		return nil, err
	}
	set, err := s.settingByKey(ctx, in.Key)
	return &item[Setting]{set}, err
}

func (s *server) patchSettings(ctx context.Context, in *patchSettingsIn) (*item[List[Setting]], error) {
	if err := s.Service.SetSettings(ctx, in.Body.Values); err != nil {
		return nil, err
	}
	return s.listSettings(ctx, nil)
}

func (s *server) settingByKey(ctx context.Context, key string) (Setting, error) {
	for _, k := range hotspot.SettingKeys() {
		if k.Key == key {
			return s.setting(ctx, k)
		}
	}
	// The service knows best how to say that there is no such key.
	_, err := s.Service.Setting(key)
	if err == nil {
		err = hotspot.ErrNotFound
	}
	return Setting{}, err
}

// setting shows a setting. The value of a secret is for those who may change
// it.
func (s *server) setting(ctx context.Context, k hotspot.SettingKey) (Setting, error) {
	value, err := s.Service.Setting(k.Key)
	if p := surface.PrincipalOf(ctx); k.Secret && (p.ReadOnly || !p.May(surface.ScopeSettings)) {
		value = ""
	}
	return Setting{Key: k.Key, Value: value, Default: k.Default, Kind: k.Kind, Doc: k.Doc, Secret: k.Secret}, err
}
