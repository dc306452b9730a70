"""Clients that have not said who they are: so many requests a minute and address."""

from apus import ADMIN_KEY, USER_KEY, asking, burst, configuration, wait_until


def strangers(start, upstream, limit=5, **server):
    return start(configuration(upstream, **server) | {"auth": {"unauthenticated_per_minute": limit}})


def try_keys(apus, count, **headers):
    """What somebody meets who tries keys."""
    tries = [apus.ask("GET", "/api/v1/me", key=f"apus-{at:064x}", **headers) for at in range(count)]
    assert {answer.status for answer in tries} <= {401, 429}
    return [answer.status for answer in tries].count(401)


def test_an_address_may_try_100_keys_a_minute_and_good_keys_still_work_from_there(start, upstream):
    config = configuration(upstream)
    del config["auth"]
    apus = start(config)
    key = apus.make_key()["key"]
    assert apus.knows(key)
    answers = burst([(apus, asking("GET", "/v1/models", key=f"apus-{at:064x}")) for at in range(150)])
    refused = [answer for answer in answers if answer.status == 429]
    assert {answer.status for answer in answers} == {401, 429}
    assert 100 <= 150 - len(refused) <= 104  # one comes back every 0.6 s
    for answer in refused:
        assert answer.error()["code"] == "address_limit_exceeded" and int(answer.header("retry-after")) >= 1
    for path in ("/api/v1/me", "/metrics", "/openapi.json"):
        problem = apus.ask("GET", path, key=None)
        assert problem.status == 429 and problem.json()["code"] == "address_limit_exceeded"
    for path in ("/health", "/health/live", "/health/ready"):
        assert {apus.ask("GET", path, key=None).status for _ in range(50)} == {200}
    for good in (key, USER_KEY, ADMIN_KEY):
        assert apus.ask("GET", "/v1/models", key=good).status == 200


def test_an_address_that_is_refused_is_let_in_again_when_it_was_told(start, upstream):
    apus = strangers(start, upstream, limit=120)
    answers = burst([(apus, asking("GET", "/api/v1/me", key="wrong"))] * 140)
    after = int([answer for answer in answers if answer.status == 429][-1].header("retry-after"))
    assert after <= 2
    wait_until(lambda: apus.ask("GET", "/api/v1/me", key="wrong").status == 401, after + 1, "another try")


def test_an_address_is_believed_from_a_trusted_proxy_only(start, upstream):
    trusting = strangers(start, upstream, trusted_proxies=["127.0.0.1", "10.0.0.0/8"])
    assert [try_keys(trusting, 7, x_forwarded_for=address) for address in ("203.0.113.1", "203.0.113.2")] == [5, 5]
    assert try_keys(trusting, 2, x_forwarded_for="198.51.100.9, 203.0.113.1") == 0
    assert try_keys(trusting, 2, x_forwarded_for="203.0.113.1, 10.1.2.3") == 0
    wary = strangers(start, upstream)
    assert sum(try_keys(wary, 1, x_forwarded_for=f"203.0.113.{at}") for at in range(7)) == 5


def test_addresses_of_one_ipv6_network_count_together(start, upstream):
    apus = strangers(start, upstream, trusted_proxies=["127.0.0.1"])
    alike = ["2001:db8:1:2::1", "2001:db8:1:2::2", "2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:0db8:0001:0002:0:0:0:3"]
    assert sum(try_keys(apus, 2, x_forwarded_for=address) for address in alike) == 5
    assert try_keys(apus, 7, x_forwarded_for="2001:db8:1:3::1") == 5
    assert try_keys(apus, 7, x_forwarded_for="203.0.113.7") == 5
    assert try_keys(apus, 2, x_forwarded_for="::ffff:203.0.113.7") == 0
