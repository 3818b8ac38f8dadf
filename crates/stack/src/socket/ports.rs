//! Which ports are bound, by whom, and which one a client gets (RFC 6056). One table for a
//! protocol; rules as Linux has them for SO_REUSEADDR and SO_REUSEPORT.
