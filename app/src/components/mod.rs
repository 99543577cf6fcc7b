//! Parts that more than one page is drawn with. Nothing here opens or acts on drift: those parts are in `pages::drift`.

pub(crate) mod banner;
pub(crate) mod crumbs;
pub(crate) mod failure;
pub(crate) mod form;
pub(crate) mod icon;
pub(crate) mod layout;
pub(crate) mod marks;
pub(crate) mod note;
pub(crate) mod time;
