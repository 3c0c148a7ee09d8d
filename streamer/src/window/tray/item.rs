//! The tray by StatusNotifierItem over the session bus, the way of KDE, GNOME (with its extension), Xfce and others. The only
//! file that names the library.

use ksni::blocking::{Handle, TrayMethods};
use ksni::menu::StandardItem;
use ksni::{Category, Icon, MenuItem, OfflineReason, ToolTip, Tray};
use tracing::{debug, info};

use super::{Ask, TrayModel, icon};
use crate::window::model::Request;
use crate::words::window::Label;

/// Sizes in which panels ask for an icon, at 1x and 2x.
const SIZES: [usize; 3] = [22, 32, 48];

/// The registered icon.
pub(super) struct Item(Handle<Shown>);

impl Item {
    pub(super) fn open(model: TrayModel, ask: Ask) -> Option<Self> {
        match (Shown { model, ask }).spawn() {
            Ok(handle) => Some(Self(handle)),
            Err(why) => {
                debug!(%why, "no tray");
                None
            }
        }
    }

    pub(super) fn show(&self, model: &TrayModel) {
        // `None` where the bus went away: the watcher's end was told already.
        let _gone = self.0.update(|shown| shown.model.clone_from(model));
    }
}

impl Drop for Item {
    fn drop(&mut self) {
        self.0.shutdown().wait();
    }
}

struct Shown {
    model: TrayModel,
    ask: Ask,
}

impl Shown {
    fn entry(&self, label: Label, request: Request) -> MenuItem<Self> {
        let text = label.text(self.model.lang);
        // An underscore would mark a key of the menu's.
        let item = StandardItem {
            label: text.replace('_', "__"),
            activate: Box::new(move |shown: &mut Self| (shown.ask)(request.clone())),
            ..StandardItem::default()
        };
        item.into()
    }
}

impl Tray for Shown {
    fn id(&self) -> String {
        "athome-streamer".to_owned()
    }

    fn category(&self) -> Category {
        Category::ApplicationStatus
    }

    fn title(&self) -> String {
        format!("AtHome: {}", self.model.tip)
    }

    fn icon_pixmap(&self) -> Vec<Icon> {
        let icon = |size| Icon { width: size as i32, height: size as i32, data: icon::argb(self.model.mark, size) };
        SIZES.into_iter().map(icon).collect()
    }

    fn tool_tip(&self) -> ToolTip {
        ToolTip { title: "AtHome".to_owned(), description: self.model.tip.clone(), ..ToolTip::default() }
    }

    fn activate(&mut self, _x: i32, _y: i32) {
        (self.ask)(Request::Open);
    }

    fn menu(&self) -> Vec<MenuItem<Self>> {
        let pause = match self.model.paused {
            true => self.entry(Label::Resume, Request::ResumeAll),
            false => self.entry(Label::Pause, Request::PauseAll),
        };
        vec![
            self.entry(Label::Open, Request::Open),
            pause,
            self.entry(Label::CodeShow, Request::ShowCode),
            MenuItem::Separator,
            self.entry(Label::Quit, Request::Quit),
        ]
    }

    fn watcher_online(&self) {
        (self.ask)(Request::TrayBack);
    }

    fn watcher_offline(&self, reason: OfflineReason) -> bool {
        info!(?reason, "the tray is gone");
        (self.ask)(Request::TrayLost);
        // A shell that restarts brings it back.
        true
    }
}
