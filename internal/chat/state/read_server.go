package state

import (
	"math"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
)

// allRows is no bound on a scan.
const allRows = math.MaxInt

func (s *snapshot) profile(user string) (*storev1.ProfileValue, error) {
	v := new(storev1.ProfileValue)
	if ok, err := s.get(appendProfileKey(nil, user), v); !ok {
		return nil, err
	}
	return v, nil
}

func (r *reader) Profile(user string) (Profile, error) {
	v, err := r.profile(user)
	return profileFromValue(v), err
}

func profileFromValue(v *storev1.ProfileValue) Profile {
	return Profile{Name: v.GetName(), About: v.GetAbout(), Emoji: v.GetEmoji(), Time: v.GetTimeMs()}
}

func (r *reader) ServerBans(after string, n int) (bans []ServerBan, err error) {
	lower := append(append([]byte{tableServer}, after...), 0)
	err = r.scan(lower, []byte{tableServer, serverAddressBan + 1}, n, func(key, value []byte) error {
		v := new(storev1.Restriction)
		if err := decodeValue(key, value, v); err != nil {
			return err
		}
		ban, err := serverBanFromValue(string(key[1:]), v)
		bans = append(bans, ban)
		return err
	})
	return bans, err
}

func (r *reader) Erasures(n int) (users []string, err error) {
	err = r.scan([]byte{tableServer, serverErasure}, []byte{tableServer, serverErasure + 1}, n, func(key, _ []byte) error {
		users = append(users, string(key[2:]))
		return nil
	})
	return users, err
}

func (r *reader) OperatorActs(before uint64, n int) (acts []OperatorAct, err error) {
	lower, upper := []byte{tableServer, serverAct}, []byte{tableServer, serverAct + 1}
	if before != 0 {
		upper = appendServerActKey(nil, before)
	}
	err = r.scanBack(lower, upper, n, func(key, value []byte) error {
		v := new(storev1.OperatorActValue)
		if err := decodeValue(key, value, v); err != nil {
			return err
		}
		acts = append(acts, operatorActFromValue(lastUint64(key), v))
		return nil
	})
	return acts, err
}
