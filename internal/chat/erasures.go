package chat

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	adminv1 "github.com/rialto-rpc/rialto/gen/go/rialto/admin/v1"
	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// erasures has what is pending of them done, in a goroutine that exists only while something is. The state knows what that is.
type erasures struct {
	mu      sync.Mutex         // guards all below; a leaf
	stop    context.CancelFunc // of the goroutine; nil: there is none
	stopped bool               // for good

	steps sync.Mutex // held while steps are ordered, of one erasure: whose ends with them is then known. Outermost
}

const (
	// eraseBatch is how many steps of an erasure are ordered at a time: the others wait for so many.
	eraseBatch = 2
	// eraseRetry is after what time an erasure goes on for which the server had no place, or no answer.
	eraseRetry = time.Second
)

// EraseUser implements adminv1.AdminServiceServer.
func (s *adminService) EraseUser(ctx context.Context, req *adminv1.EraseUserRequest) (*adminv1.EraseUserResponse, error) {
	user := req.GetUserId()
	if err := validateUserID("user_id", user); err != nil {
		return nil, err
	}
	if s.engine.views.Bans().Gone(user) && user != state.DeletedUser.ID {
		if pending, err := s.erasing(user); err != nil || !pending {
			return &adminv1.EraseUserResponse{}, err
		}
	}
	// Once it is ordered it begins, whether or not the caller learns that: so it is awaited, and gone on with in any case.
	messages, over, err := s.eraseStep(user, func() error {
		return s.order(context.WithoutCancel(ctx), &storev1.EraseUser{User: user})
	})
	if err == nil {
		s.engine.log.Info("an operator erases a user")
	}
	if err == nil && !over {
		messages, err = s.erase(ctx, user)
	}
	if err != nil {
		s.eraseAll() // goes on without the caller
		return nil, err
	}
	return &adminv1.EraseUserResponse{Messages: messages}, nil
}

// eraseStep has a part of somebody's erasure ordered, and reports whether that is over, and if it ended here how many messages it
// made tombstones in all.
func (s *Service) eraseStep(user string, order func() error) (messages uint64, over bool, err error) {
	s.erasures.steps.Lock()
	defer s.erasures.steps.Unlock()
	before, err := s.lastErased()
	if err == nil {
		err = order()
	}
	if err != nil {
		return 0, false, err
	}
	pending, err := s.erasing(user)
	if err != nil || pending {
		return 0, false, err
	}
	last, err := s.lastErased()
	if last.N == before.N {
		return 0, true, err
	}
	return last.Messages, true, err
}

// lastErased returns the erasure that ended last, of those that are still known; the zero value if there is none.
func (s *Service) lastErased() (state.OperatorAct, error) {
	v := s.engine.views.View()
	defer v.Close()
	acts, err := v.OperatorActs(0, maxAdminPage)
	if err != nil {
		return state.OperatorAct{}, s.engine.internal("list acts", err)
	}
	for _, act := range acts {
		if act.Action == state.UserErased {
			return act, nil
		}
	}
	return state.OperatorAct{}, nil
}

// erasing reports whether somebody is being erased.
func (s *Service) erasing(user string) (bool, error) {
	v := s.engine.views.View()
	defer v.Close()
	users, err := v.Erasures(math.MaxInt)
	if err != nil {
		return false, s.engine.internal("list erasures", err)
	}
	return slices.Contains(users, user), nil
}

// erase does what is left of somebody's erasure, and returns how many messages it made tombstones.
func (s *Service) erase(ctx context.Context, user string) (messages uint64, err error) {
	steps := make([]state.Record, eraseBatch)
	for over := false; !over && err == nil; {
		messages, over, err = s.eraseStep(user, func() error {
			for i := range steps {
				if steps[i], err = s.engine.record(operator, &storev1.EraseUser{User: user}); err != nil {
					return err
				}
			}
			_, err := s.engine.appendAll(ctx, steps...)
			return err
		})
	}
	return messages, err
}

// Resume goes on with the erasures that the last run of the server has left. To be called once the sequencer runs; they end
// with [Service.Drain], until the next run.
func (s *Service) Resume() error {
	v := s.engine.views.View()
	defer v.Close()
	users, err := v.Erasures(1)
	if err == nil && len(users) > 0 {
		s.eraseAll()
	}
	return err
}

// eraseAll has all that is pending done, unless that is going on.
func (s *Service) eraseAll() {
	s.erasures.mu.Lock()
	defer s.erasures.mu.Unlock()
	if s.erasures.stopped || s.erasures.stop != nil {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	s.erasures.stop = stop
	s.running.Add(1)
	go func() { // ends when nothing is pending, or by stopErasing; Wait waits for it
		defer s.running.Done()
		defer stop()
		s.erasePending(ctx)
	}()
}

// erasePending erases one after the other, and waits where the server has no place for it, or does not say what became of a step:
// steps may be repeated.
func (s *Service) erasePending(ctx context.Context) {
	for {
		user, ok := s.nextErasure()
		if !ok {
			return
		}
		_, err := s.erase(ctx, user)
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return
		case status.Code(err) == codes.ResourceExhausted, status.Code(err) == codes.Unavailable:
			select {
			case <-time.After(eraseRetry):
			case <-ctx.Done():
				return
			}
		default: // the server is broken: the next run goes on
			s.engine.log.Warn("an erasure has to wait for the next start", "err", err)
			s.stopErasing()
			return
		}
	}
}

// nextErasure returns who is to be erased next. When there is nobody, another goroutine may begin.
func (s *Service) nextErasure() (string, bool) {
	s.erasures.mu.Lock()
	defer s.erasures.mu.Unlock()
	v := s.engine.views.View()
	defer v.Close()
	users, err := v.Erasures(1)
	if err != nil || len(users) == 0 || s.erasures.stopped {
		s.erasures.stop = nil
		if err != nil && !errors.Is(err, context.Canceled) {
			s.engine.log.Warn("an erasure has to wait for the next start", "err", err)
		}
		return "", false
	}
	return users[0], true
}

// stopErasing ends what is going on, for good: the next run goes on.
func (s *Service) stopErasing() {
	s.erasures.mu.Lock()
	defer s.erasures.mu.Unlock()
	s.erasures.stopped = true
	if s.erasures.stop != nil {
		s.erasures.stop()
	}
}

// forgetWindows lets go of what all rooms have in memory: of somebody who was erased, names may be in it.
func (h *Hub) forgetWindows() {
	h.mu.RLock()
	rooms := make([]*room, 0, len(h.rooms))
	for _, r := range h.rooms {
		rooms = append(rooms, r)
	}
	h.mu.RUnlock()
	for _, r := range rooms {
		r.forget()
	}
}

// forget lets go of the room's window and blocks: who needs what was in them reads it from disk.
func (r *room) forget() {
	r.evictWindow()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dropBlocksLocked()
}
