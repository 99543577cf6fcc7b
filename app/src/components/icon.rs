//! The icons, drawn for this product on a grid of 16 with a stroke of 1.5.

use leptos::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Icon {
    Arrow,
    Bolt,
    Box,
    Branch,
    Building,
    Check,
    ChevronDown,
    Clock,
    Code,
    Collision,
    Comment,
    Cross,
    Dot,
    Download,
    Drift,
    Equal,
    External,
    Eye,
    Flame,
    Ghost,
    Info,
    Layers,
    Link,
    Lock,
    Minus,
    Monitor,
    Moon,
    Pencil,
    Plug,
    Plus,
    Question,
    Refresh,
    Search,
    Settings,
    Shield,
    SignOut,
    Spark,
    Sun,
    Swap,
    Undo,
    Upload,
    User,
    Warning,
}

impl Icon {
    /// Its strokes, as SVG writes them, for what is drawn inside of another picture.
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Arrow => r#"<path d="M3 8h10M9 4l4 4-4 4"/>"#,
            Self::Bolt => r#"<path d="M9 1.5 3.5 9H8l-1 5.5L12.5 7H8z"/>"#,
            Self::Box => r#"<rect x="2.75" y="2.75" width="10.5" height="10.5" rx="2"/><path d="M5.5 8h5M8 5.5v5"/>"#,
            Self::Branch => {
                r#"<circle cx="4.5" cy="3.5" r="1.75"/><circle cx="4.5" cy="12.5" r="1.75"/><circle cx="11.5" cy="5" r="1.75"/><path d="M4.5 5.25v5.5M11.5 6.75c0 2.5-3 2.25-5.5 3.25"/>"#
            }
            Self::Building => r#"<path d="M3 14V2.5h7V14M10 6.5h3V14M1.5 14h13M5.5 5.5h2M5.5 8.5h2M5.5 11.5h2"/>"#,
            Self::Check => r#"<circle cx="8" cy="8" r="6.25"/><path d="m5.25 8.25 2 2 3.5-4.25"/>"#,
            Self::ChevronDown => r#"<path d="m4.5 6.5 3.5 3.5 3.5-3.5"/>"#,
            Self::Clock => r#"<circle cx="8" cy="8" r="6.25"/><path d="M8 4.5V8l2.25 1.5"/>"#,
            Self::Code => r#"<path d="M5.25 4.5 1.75 8l3.5 3.5M10.75 4.5 14.25 8l-3.5 3.5M9 3 7 13"/>"#,
            Self::Collision => {
                r#"<path d="M1.5 8h4M3.75 5.5 6 8l-2.25 2.5M14.5 8h-4M12.25 5.5 10 8l2.25 2.5M8 2.5v2M8 11.5v2"/>"#
            }
            Self::Comment => r#"<path d="M2 3.25h12v8H7l-3 2.5v-2.5H2z"/>"#,
            Self::Cross => r#"<circle cx="8" cy="8" r="6.25"/><path d="m5.75 5.75 4.5 4.5M10.25 5.75l-4.5 4.5"/>"#,
            Self::Dot => r#"<circle cx="8" cy="8" r="3" fill="currentColor"/>"#,
            Self::Download => r#"<path d="M8 2v8M4.75 7 8 10.25 11.25 7M2.5 13.5h11"/>"#,
            Self::Drift => r#"<path d="M1.5 5.5h5c3 0 2.5 5 5.5 5h2M1.5 10.5h4M10 5.5h4.5"/>"#,
            Self::Equal => r#"<circle cx="8" cy="8" r="6.25"/><path d="M5.25 6.5h5.5M5.25 9.5h5.5"/>"#,
            Self::External => r#"<path d="M9.5 2.5h4v4M13.5 2.5 7.5 8.5M11.5 9.5v4h-9v-9h4"/>"#,
            Self::Eye => {
                r#"<path d="M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8z"/><circle cx="8" cy="8" r="2"/>"#
            }
            Self::Flame => {
                r#"<path d="M8 14.25c2.75 0 4.75-1.9 4.75-4.6 0-3.15-2.75-4-3-7.9C7 3 6.25 5 6.5 7c-1-.5-1.5-1.25-1.5-2C3.75 6.25 3.25 8 3.25 9.65c0 2.7 2 4.6 4.75 4.6z"/>"#
            }
            Self::Ghost => {
                r#"<path stroke-dasharray="2.5 2" d="M8 1.75A6.25 6.25 0 1 1 8 14.25 6.25 6.25 0 0 1 8 1.75z"/><path d="M5.5 8h5"/>"#
            }
            Self::Info => r#"<circle cx="8" cy="8" r="6.25"/><path d="M8 7.25v3.75M8 4.9v.1"/>"#,
            Self::Layers => r#"<path d="m8 2 6 3-6 3-6-3zM2 8l6 3 6-3M2 11l6 3 6-3"/>"#,
            Self::Link => {
                r#"<path d="M6.75 9.25a2.75 2.75 0 0 0 3.9 0l2.1-2.1a2.75 2.75 0 0 0-3.9-3.9l-.85.85M9.25 6.75a2.75 2.75 0 0 0-3.9 0l-2.1 2.1a2.75 2.75 0 0 0 3.9 3.9l.85-.85"/>"#
            }
            Self::Lock => {
                r#"<rect x="3" y="7" width="10" height="7" rx="1.5"/><path d="M5.25 7V4.75a2.75 2.75 0 0 1 5.5 0V7"/>"#
            }
            Self::Minus => r#"<path d="M3.5 8h9"/>"#,
            Self::Monitor => {
                r#"<rect x="1.75" y="2.5" width="12.5" height="8.5" rx="1.25"/><path d="M5.5 14h5M8 11v3"/>"#
            }
            Self::Moon => r#"<path d="M13.5 9.5A6 6 0 0 1 6.5 2.5a6 6 0 1 0 7 7z"/>"#,
            Self::Pencil => r#"<path d="m10.5 2.75 2.75 2.75L5.5 13.25l-3.25.5.5-3.25z"/>"#,
            Self::Plug => r#"<path d="M5.5 1.75v3.5M10.5 1.75v3.5M3.5 5.25h9v2.5a4.5 4.5 0 0 1-9 0zM8 12.25v2.25"/>"#,
            Self::Plus => r#"<path d="M8 3.5v9M3.5 8h9"/>"#,
            Self::Question => {
                r#"<circle cx="8" cy="8" r="6.25"/><path d="M6.25 6.25A1.8 1.8 0 1 1 8 8.5v.75M8 11.4v.1"/>"#
            }
            Self::Refresh => {
                r#"<path d="M13.5 8a5.5 5.5 0 0 1-10 3.1M2.5 8a5.5 5.5 0 0 1 10-3.1M12.75 1.75V5H9.5M3.25 14.25V11H6.5"/>"#
            }
            Self::Search => r#"<circle cx="7" cy="7" r="4.5"/><path d="m10.5 10.5 3.5 3.5"/>"#,
            Self::Settings => {
                r#"<path d="M1.5 4.5h7M12.5 4.5h2M1.5 11.5h2M7.5 11.5h7"/><circle cx="10.5" cy="4.5" r="2"/><circle cx="5.5" cy="11.5" r="2"/>"#
            }
            Self::Shield => {
                r#"<path d="M8 1.75 13.25 4v4c0 3-2.2 5.25-5.25 6.25C4.95 13.25 2.75 11 2.75 8V4z"/><path d="m5.75 8 1.6 1.6 3-3.4"/>"#
            }
            Self::SignOut => r#"<path d="M6.5 2.5h-4v11h4M10 4.75 13.25 8 10 11.25M13.25 8H6"/>"#,
            Self::Spark => {
                r#"<path d="M7 2.5 8.4 6.6 12.5 8 8.4 9.4 7 13.5 5.6 9.4 1.5 8l4.1-1.4zM13 2v3M11.5 3.5h3"/>"#
            }
            Self::Sun => {
                r#"<circle cx="8" cy="8" r="2.75"/><path d="M8 1.25v1.5M8 13.25v1.5M1.25 8h1.5M13.25 8h1.5M3.25 3.25l1 1M11.75 11.75l1 1M12.75 3.25l-1 1M4.25 11.75l-1 1"/>"#
            }
            Self::Swap => {
                r#"<path d="M2.5 5.5h10M9.75 2.75 12.5 5.5 9.75 8.25M13.5 10.5h-10M6.25 7.75 3.5 10.5l2.75 2.75"/>"#
            }
            Self::Undo => r#"<path d="M5.5 2.75 2.5 5.75l3 3M2.5 5.75h7a4 4 0 0 1 0 8H6"/>"#,
            Self::Upload => r#"<path d="M8 10.5V2.5M4.75 5.5 8 2.25l3.25 3.25M2.5 13.5h11"/>"#,
            Self::User => r#"<circle cx="8" cy="5.25" r="2.75"/><path d="M2.75 14a5.25 5.25 0 0 1 10.5 0"/>"#,
            Self::Warning => r#"<path d="M8 2 14.5 13.5h-13zM8 6.5v3.25M8 11.5v.1"/>"#,
        }
    }
}

/// An icon beside a word. It is decoration: the word says it.
pub(crate) fn icon(icon: Icon) -> impl IntoView {
    view! {
        <svg
            class="icon"
            viewBox="0 0 16 16"
            fill="none"
            stroke="currentColor"
            stroke-width="1.5"
            stroke-linecap="round"
            stroke-linejoin="round"
            aria-hidden="true"
            inner_html=icon.path()
        ></svg>
    }
}
