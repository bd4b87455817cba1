import pytest
from django.db import transaction

from tests.api import game
from tests.api.game import API, event
from tests.api.routes import KINDS
from tests.api.test_hostile_bodies import EDGES, VALUES
from tests.callers import player

pytestmark = pytest.mark.django_db
EXTRA = {
 "achievements": {"requirements": [
   [{"type":t,"metric":m,"operator":o,"threshold":th, **({"timeframe":tf} if tf else {})}]
   for t in ("COUNT","SUM","MAX","MIN","LATEST","DISTINCT","STREAK") for m in ("kills","damage","who") for o in ("gte","lt","eq") for th in (0.5, 1, 2**53, -5, 9e18) for tf in (None, {"duration":3650,"unit":"days"}, {"duration":1,"unit":"minutes"}) if not (tf and o != "gte")],
   "repeat": ["DAILY","WEEKLY","MONTHLY","ALWAYS","NEVER"], "match":[{"at_least":1},"ANY","ALL"], "starts_at":EDGES,"ends_at":EDGES, "type":["SECRET"], "tier":[0,32767], "rewards":[["coins"]*200, ["old"], ["soon"], ["luck"]*50]},
 "rewards": {"expires_at":EDGES,"claim_within":[1,2**31-1],"value":[0,10**12]},
 "levels": {"level":[2**31-1, 1000], "xp":[2**53]},
}
def test_probe(caplog):
    s = game.make(); s.raise_request_exception = False
    game.send(s, "metrics", {"id":"who","event_type":"enemy.killed","member_field":"who","value_field":"damage"})
    game.send(s, "rewards", {"id":"old","type":"POINTS","value":10**12,"expires_at":"0001-01-01T00:00:00Z"})
    game.send(s, "rewards", {"id":"soon","type":"XP","value":10**12,"claim":"AUTO","claim_within":2**31-1})
    bad=[]; n=0; used=0
    for plural,(id_,body) in KINDS.items():
        for name in body:
            for value in [*VALUES, *EXTRA.get(plural,{}).get(name,[])]:
                n+=1
                with transaction.atomic():
                    b={**body,name:value,"draft":False}
                    if plural=="achievements": b["prerequisites"]=[]
                    if plural=="achievements" and name=="requirements" : b["repeat"]=["NEVER","DAILY","WEEKLY","ALWAYS"][n%4]
                    if plural=="achievements" and name not in("starts_at","ends_at"): b["starts_at"]=b["ends_at"]=None
                    r=s.post(f"{API}/{plural}", b)
                    if r.status_code==201:
                        used+=1
                        new = r.json().get("id") or str(r.json()["level"])
                        rs=[r]
                        ev=[event(f"z{i}","zed","enemy.killed",{"damage":d,"who":w},ago=a) for i,(d,w,a) in enumerate([(0,"a",9e8),(1,"b",3600),(2**53,"c",60),(-2**53,"d",-200),(0.5,True,30),(1e-300,None,10),(7,"x"*500,5)])]
                        ev.append({**event("zz","zed","enemy.killed",{"damage":1}),"timestamp":"1900-01-01T00:00:00Z"})
                        rs.append(s.post(f"{API}/events",{"events":ev}))
                        if plural=="achievements":
                            for q in ("progress","explain"):
                                rs.append(s.get(f"{API}/achievements/{new}/{q}?player_id=zed"))
                                rs.append(player("zed").get(f"{API}/achievements/{new}/{q}"))
                            rs.append(s.post(f"{API}/achievements/{new}/claim",{"player_id":"zed"}))
                            rs.append(s.post(f"{API}/achievements/{new}/revoke",{"player_id":"zed"}))
                        if plural=="rewards":
                            r2=s.post(f"{API}/rewards/{new}/distribute",{"player_id":"zed"}); rs.append(r2)
                            if r2.status_code==201:
                                rs.append(s.post(f"{API}/rewards/{r2.json()['id']}/claim",{"player_id":"zed"}))
                                rs.append(s.post(f"{API}/distributions/{r2.json()['id']}/revoke",{}))
                        for p in ("achievements","distributions","wallet","wallet/transfers","inventory","metrics","messages","export"):
                            rs.append(s.get(f"{API}/players/zed/{p}"))
                        rs.append(s.get(f"{API}/{plural}")); rs.append(player("zed").get(f"{API}/{plural}")); rs.append(player("zed").get(f"{API}/players/me"))
                        rs.append(s.get(f"{API}/{plural}/{new}/versions")); rs.append(s.delete(f"{API}/{plural}/{new}"))
                        for x in rs:
                            if x.status_code>=500 or b"out of range" in x.content or b"Infinity" in x.content or b"NaN" in x.content: bad.append((plural,name,str(value)[:150],x.request["REQUEST_METHOD"],x.request["PATH_INFO"],x.status_code,x.content[:150]))
                    elif r.status_code>=500: bad.append((plural,name,str(value)[:80],r.status_code,r.content[:200]))
                    transaction.set_rollback(True)
    print("tried",n,"used",used)
    for b in bad: print("BAD",b)
