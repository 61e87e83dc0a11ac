/* SPDX-License-Identifier: MIT */
/* A phase lasts equally long for everybody, so a list per phase, in the order of entering, is in
 * the order of deadlines: entering costs a few stores, and looking for what is overdue ends at the
 * first that is not. */
#include "client/bridge/http_priv.h"

void lk_http_phase_enter(struct lk_http_conn *conn, enum lk_http_phase phase)
{
	struct lk_http_loop *loop = conn->loop;

	TAILQ_REMOVE(&loop->phases[conn->phase], conn, in_phase);
	TAILQ_INSERT_TAIL(&loop->phases[phase], conn, in_phase);
	conn->phase = phase;
	conn->phase_is_over = false;
	conn->deadline = loop->now + loop->http->phase_ms[phase];
}

/* Who has only sent an empty line has not begun a request. */
static bool has_begun(const struct lk_http_request *request)
{
	return request->head_bytes.n > 2 || request->head_bytes.data[0] != '\r';
}

static void refuse_late(struct lk_http_conn *conn)
{
	if (has_begun(conn->request))
		lk_http_request_refuse(conn->request, 408, "the request took too long to arrive");
	else
		conn->is_broken = true;
	lk_http_conn_go_on(conn);
}

static void end_overdue(struct lk_http_conn *conn)
{
	switch (conn->phase) {
	case LK_HTTP_IN_HEAD:
	case LK_HTTP_IN_BODY:
		lk_http_conn_run(conn, refuse_late);
		return;
	case LK_HTTP_SENDING:
		lk_http_conn_reset(conn);
		return;
	case LK_HTTP_IDLE:
	case LK_HTTP_LINGERING:
		lk_http_conn_drop(conn);
		return;
	case LK_HTTP_HANDLED:
		return;
	}
}

void lk_http_deadline_tick(struct lk_http_loop *loop)
{
	for (int phase = 0; phase < LK_HTTP_HANDLED; phase++) {
		struct lk_http_conn *first;

		while ((first = TAILQ_FIRST(&loop->phases[phase])) != NULL &&
			first->deadline <= loop->now)
			end_overdue(first);
	}
}
