from tests.pipeline.test_queries import *
import collections
@pytest.mark.parametrize("n,p",[(5,1),(500,1),(500,500),(1000,1000),(1000,10)])
def test_q(n,p):
    publish(*everything(100))
    publishing.current()
    for k in range(2):
        b=batch("a%d"%k, n, players=p)
        with CaptureQueriesContext(connection) as c:
            pipeline.process(b, now=NOON)
        qs=[q["sql"] for q in c.captured_queries if not q["sql"].startswith(("SAVEPOINT", "RELEASE"))]
        print(n,p,len(qs), collections.Counter((q[:7]+' '.join(__import__('re').findall(r'(?:FROM|INTO|JOIN|UPDATE) "?(\w+)',q)[:2])) for q in qs).most_common(6))
    assert 0
