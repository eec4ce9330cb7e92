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
)

// SettingValue is what a setting is set to.
type SettingValue struct {
	Value string `json:"value"`
}

// settings registers the operations on settings.
func (s *server) settings(api huma.API) {
	register(s, api, reads(surface.ScopeSettings), huma.Operation{OperationID: "list-settings", Method: http.MethodGet, Path: "/settings",
		Summary: "List all settings, in order of key"}, s.listSettings)
	register(s, api, reads(surface.ScopeSettings), huma.Operation{OperationID: "get-setting", Method: http.MethodGet, Path: "/settings/{key}",
		Summary: "Show a setting"}, s.getSetting)
	register(s, api, writes(surface.ScopeSettings), huma.Operation{OperationID: "put-setting", Method: http.MethodPut, Path: "/settings/{key}",
		Summary: "Change a setting; it is in force at once"}, s.putSetting)
}

func (s *server) listSettings(context.Context, *struct{}) (*item[List[Setting]], error) {
	keys := hotspot.SettingKeys()
	list := List[Setting]{Items: make([]Setting, 0, len(keys))}
	for _, k := range keys {
		set, err := s.setting(k)
		if err != nil {
			return nil, err
		}
		list.Items = append(list.Items, set)
	}
	return &item[List[Setting]]{list}, nil
}

func (s *server) getSetting(_ context.Context, in *settingIn) (*item[Setting], error) {
	set, err := s.settingByKey(in.Key)
	return &item[Setting]{set}, err
}

func (s *server) putSetting(ctx context.Context, in *putSettingIn) (*item[Setting], error) {
	if err := s.Service.SetSetting(ctx, in.Key, in.Body.Value); err != nil {
		return nil, err
	}
	set, err := s.settingByKey(in.Key)
	return &item[Setting]{set}, err
}

func (s *server) settingByKey(key string) (Setting, error) {
	for _, k := range hotspot.SettingKeys() {
		if k.Key == key {
			return s.setting(k)
		}
	}
	// The service knows best how to say that there is no such key.
	_, err := s.Service.Setting(key)
	if err == nil {
		err = hotspot.ErrNotFound
	}
	return Setting{}, err
}

func (s *server) setting(k hotspot.SettingKey) (Setting, error) {
	value, err := s.Service.Setting(k.Key)
	return Setting{Key: k.Key, Value: value, Default: k.Default, Kind: k.Kind, Doc: k.Doc}, err
}
