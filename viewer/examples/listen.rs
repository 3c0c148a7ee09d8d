//! Pairs with a camera and plays its sound at the loudspeaker as the window does, without a window; prints figures.
//!   listen DATA SECONDS VOLUME <LINK      the first half of the time is muted

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, anyhow};
use athome_shared::id::Layer;
use athome_shared::protocol::control::Attached;
use athome_shared::protocol::wire::WatchWish;
use athome_viewer::controller::Media;
use athome_viewer::headless::{peer_settings, read_link};
use athome_viewer::play::clock::SharedOffset;
use athome_viewer::play::decode::Picture;
use athome_viewer::play::hold::Holds;
use athome_viewer::play::player::Screen;
use athome_viewer::play::stage::{Pictures, Stage};
use athome_viewer::play::times::Figures;
use athome_viewer::session::client::{self, Client, ClientEvent, Options};
use athome_viewer::session::machine::Event;
use athome_viewer::settings::CameraKey;
use athome_viewer::store::PlaceId;

/// Looks at nothing, and counts.
#[derive(Default)]
struct Count(AtomicU64);

impl Screen for Count {
    fn picture(&self, _: &Picture<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn switched(&self, _: u8) {}

    fn crashed(&self, _: &Attached) {}
}

struct Counting(Arc<Count>);

impl Pictures for Counting {
    fn screen(&self, _: PlaceId, _: SharedOffset) -> Arc<dyn Screen> {
        Arc::clone(&self.0) as _
    }

    fn figures(&self, _: &CameraKey) -> Option<Figures> {
        None
    }

    fn forget(&self, _: PlaceId) {}

    fn film(&self, _: &CameraKey, _: &Picture<'_>, _: i64) {}
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let data = PathBuf::from(arguments.next().context("a data folder")?);
    let seconds: u64 = arguments.next().context("seconds")?.parse()?;
    let volume: f32 = arguments.next().context("a volume")?.parse()?;
    let link = read_link("-").map_err(|error| anyhow!("{error:?}"))?;

    let store = client::open_store(&data)?;
    let place = client::pair(&store, &link, "listen", "desktop").await.map_err(|error| anyhow!("{error:?}"))?;
    let (count, holds) = (Arc::new(Count::default()), Arc::new(Holds::default()));
    let pictures = Arc::new(Counting(Arc::clone(&count)));
    let stage = Stage::new(pictures, Arc::clone(&holds), Arc::new(|sentence| eprintln!("{sentence:?}")))?;
    let wish = WatchWish { slot: 0, camera: None, layer: Layer::Full };
    let options = Options { slots: 1, watch: vec![wish], audio: true, peer: peer_settings(), reconnect: true };
    let id = place.id();
    let mut client = Client::start(store, place, options, |requests| stage.sink(id, requests));
    let mut heard = None;
    let end = tokio::time::Instant::now() + Duration::from_secs(seconds);
    let loud = end - Duration::from_secs(seconds) / 2;
    loop {
        let muted = tokio::time::Instant::now() < loud;
        let event = tokio::time::timeout_at(if muted { loud } else { end }, client.event()).await;
        let Ok(event) = event else {
            if !muted {
                break;
            }
            stage.hear(heard.clone().map(|key| (key, volume)));
            continue;
        };
        match event {
            Some(ClientEvent::Session(Event::Cameras(cameras))) => {
                if let Some(camera) = cameras.first() {
                    let key = CameraKey { place: id, camera: camera.id.clone() };
                    stage.hear(Some((key.clone(), if muted { 0.0 } else { volume })));
                    heard = Some(key);
                }
            }
            Some(_) => {}
            None => break,
        }
    }
    let heard = heard.context("no camera came")?;
    let playout = stage.playout();
    let report = serde_json::json!({
        "pictures": count.0.load(Ordering::Relaxed),
        "underruns": playout.underruns,
        "dropped": playout.dropped,
        "hold_ms": holds.of(&heard).as_millis() as u64,
        "av_offset_ms": holds.offset_us(&heard).map(|us| us as f64 / 1e3),
    });
    println!("{report}");
    client.close().await;
    Ok(())
}
