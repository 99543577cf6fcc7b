//! The product against a real n8n, where one is named; workflows are made and removed by the tests. GitHub is the stand-in.
//! `N8N_URL=http://127.0.0.1:5678 N8N_API_KEY=… cargo test -p drift-services --test real_n8n`; `scripts/n8n up 2 5678` starts
//! one.

mod bench;
mod detection;
mod person;
mod story;
