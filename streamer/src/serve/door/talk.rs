//! Sealed messages after the handshake: the viewer's answer, candidates, goodbyes.

use std::time::Instant;

use athome_shared::id::ChannelId;
use athome_shared::pair::candidate::{MAX_CANDIDATES, check_candidate};
use athome_shared::pair::noise::Transport;
use athome_shared::pair::sdp::{self, Checked};
use athome_shared::pair::{b64, seal};
use athome_shared::protocol::wire::{Candidate, FromCamera, FromViewer, Why};
use athome_shared::secret::Secret;

use super::channel::{Channel, Stage};
use super::{Door, DoorOutput, Gone, close};
use crate::trust::ViewerState;

impl Door {
    /// A message on a channel (taken out already) whose handshake is done.
    pub(super) fn talk(&mut self, now: Instant, chan: ChannelId, mut channel: Channel, data: &[u8]) {
        let opened = match &mut channel.stage {
            Stage::Welcomed { transport, .. } | Stage::Offered { transport, .. } | Stage::Open { transport, .. } => {
                transport.open(data)
            }
            Stage::Rung(_) | Stage::Silent | Stage::Enrolling(_) | Stage::Knocking(_) => return,
        };
        let Ok(plain) = opened else {
            self.counts.tampered += 1;
            return self.end(chan, &channel.stage, close::PROTOCOL, Gone::Tampered);
        };
        let message = match seal::open::<FromViewer>(&plain) {
            Ok(message) => message,
            Err(e) => return self.broken(chan, channel, e.to_string()),
        };
        match (message, channel.stage) {
            (FromViewer::Bye { why }, stage) => self.end(chan, &stage, close::DONE, Gone::Bye(why)),
            (FromViewer::PairOk, Stage::Welcomed { v_pub, label, .. }) => {
                self.push(DoorOutput::Confirm { v_pub });
                self.push(DoorOutput::Paired { v_pub, label });
                self.push(DoorOutput::Close { chan, code: close::DONE });
                self.push(DoorOutput::Gone { chan, why: Gone::Done });
            }
            (FromViewer::Answer { sdp, fp, kb }, Stage::Offered { transport, v_pub, offer, kb: kb_camera, ours }) => {
                match check_answer(&sdp, &fp, &kb, &offer, &transport, &kb_camera) {
                    Ok((checked, bind_key)) => {
                        if self.roster.viewer(&v_pub).is_some_and(|v| v.state == ViewerState::Pending) {
                            self.push(DoorOutput::Confirm { v_pub });
                        }
                        self.push(DoorOutput::Answer { chan, sdp, fp: checked.fingerprint, bind_key });
                        self.make_room_for_open();
                        let mids = checked.media.into_iter().map(|m| m.mid).collect();
                        let stage = Stage::Open { transport, v_pub, mids, theirs: checked.candidates, ours };
                        let deadline = now + self.limits.open_life;
                        self.channels.insert(chan.0, Channel { stage, deadline, born: channel.born });
                    }
                    Err(text) => {
                        let stage = Stage::Offered { transport, v_pub, offer, kb: kb_camera, ours };
                        self.broken(chan, Channel { stage, ..channel }, text);
                    }
                }
            }
            (FromViewer::Cand(candidate), Stage::Open { transport, v_pub, mids, theirs, ours }) => {
                let checked = check(&candidate, &mids, theirs);
                let stage = Stage::Open { transport, v_pub, mids, theirs: theirs + 1, ours };
                let channel = Channel { stage, ..channel };
                match checked {
                    Ok(()) => {
                        self.channels.insert(chan.0, channel);
                        self.push(DoorOutput::Candidate { chan, candidate });
                    }
                    Err(text) => self.broken(chan, channel, text),
                }
            }
            (FromViewer::CandEnd, stage @ Stage::Open { .. }) => {
                self.channels.insert(chan.0, Channel { stage, ..channel });
                self.push(DoorOutput::CandEnd { chan });
            }
            (_, stage) => {
                self.broken(chan, Channel { stage, ..channel }, "a message that has no place here".to_owned())
            }
        }
    }

    /// Ends a channel (taken out already) on which the right viewer said the wrong thing, and tells it so.
    fn broken(&mut self, chan: ChannelId, channel: Channel, text: String) {
        self.channels.insert(chan.0, channel);
        self.bye(chan, Why::Protocol, close::PROTOCOL, Gone::Failed(text));
    }

    /// Seals and sends on a session's channel, nothing on any other; ends it where that fails.
    pub(super) fn seal(&mut self, chan: ChannelId, message: &FromCamera) {
        let Some((transport, _)) = self.channels.get_mut(&chan.0).and_then(|c| c.stage.session()) else { return };
        let sealed = seal::seal(message).map_err(|e| e.to_string());
        match sealed.and_then(|plain| transport.seal(&plain).map_err(|e| e.to_string())) {
            Ok(data) => self.push(DoorOutput::Send { chan, data: data.into() }),
            Err(text) => self.finish(chan, close::PROTOCOL, Gone::Failed(text)),
        }
    }

    fn make_room_for_open(&mut self) {
        if self.channels.values().filter(|c| c.stage.open()).count() >= self.limits.open
            && let Some(oldest) = self.oldest(Stage::open)
        {
            self.finish(oldest, close::DONE, Gone::Done);
        }
    }
}

/// The answer's description and the key that binds the media connection to this channel.
fn check_answer(
    sdp: &str,
    fp: &str,
    kb: &str,
    offer: &Checked,
    transport: &Transport,
    kb_camera: &Secret<32>,
) -> Result<(Checked, Secret<32>), String> {
    let (Some(fp), Some(kb_viewer)) = (b64::decode_array(fp), b64::decode_array(kb)) else {
        return Err("the answer's fingerprint or binding key is not 32 bytes".to_owned());
    };
    let checked = sdp::check_answer(sdp, &fp, offer).map_err(|e| format!("the answer's {e}"))?;
    Ok((checked, transport.bind_key(kb_camera.expose(), &kb_viewer)))
}

fn check(candidate: &Candidate, mids: &[String], earlier: usize) -> Result<(), String> {
    if earlier >= MAX_CANDIDATES {
        return Err(format!("more than {MAX_CANDIDATES} candidates"));
    }
    if !mids.contains(&candidate.mid) {
        return Err("a candidate for an m-line that does not exist".to_owned());
    }
    check_candidate(&candidate.cand).map_err(|e| e.to_string())
}
