"""A legacy database: other names, three tables to join, the types of an SQL Server."""

TABLES = """\
CREATE TABLE Firma (FirmaId int PRIMARY KEY, Unvan nvarchar(100), Logo nvarchar(400));
CREATE TABLE Istasyon (IstasyonId int PRIMARY KEY, FirmaId int NOT NULL, Ad nvarchar(100));
CREATE TABLE Soket (
    SoketId int PRIMARY KEY, IstasyonId int NOT NULL, Ad nvarchar(50), Tip char(6),
    Guc nvarchar(20), Gorsel nvarchar(400)
);
CREATE TABLE SarjIslem (
    IslemId int PRIMARY KEY, KullaniciId int NOT NULL, SoketId int NOT NULL,
    Aktif bit NOT NULL, Bitti bit, Odendi bit,
    Baslangic datetime2(7), Bitis datetime2(7),
    IlkYuzde decimal(5,2), SonYuzde decimal(5,2), HedefYuzde decimal(5,2),
    Kwh decimal(18,4), OrtalamaKwh real, Tutar decimal(18,2), Birim nvarchar(3),
    BirimFiyat decimal(18,2), FiyatBirimi nvarchar(10)
);
INSERT INTO Firma VALUES (3, 'Park & Şarj', NULL);
INSERT INTO Istasyon VALUES (40, 3, 'Kadıköy: "İskele"');
INSERT INTO Soket VALUES (7, 40, 'CCS-2 #3', 'DC    ', '120 kWh', 'https://cdn.example/dc.png');
INSERT INTO SarjIslem VALUES
    (900, 5, 7, '0', '1', '1', '2016-01-02 03:04:05.1234567', '2016-01-02 04:00:00.0000000',
     18, 80, 80, 21.3040, 61.5, 191.50, 'TRY', 9.00, 'TRY/kWh'),
    (901, 5, 7, '1', '0', NULL, '2016-01-03 03:04:05.1000000', NULL,
     18.5, 47, 80, 0, 61.5, 10.10, 'TRY', 8.99, 'TRY/kWh');
"""
"""As SQLite takes it."""

POSTGRES_TABLES = (
    TABLES.replace("nvarchar", "varchar")
    .replace(" bit", " bit(1)")
    .replace("datetime2(7)", "char(27)")
)
"""As PostgreSQL takes it: datetime2(7) is kept as text."""

QUERY = """\
-- The status of one user: what dbo.SonIslem gave.
SELECT i.IslemId AS process_id, i.Aktif AS active, i.Bitti AS charge_complete,
       i.Odendi AS payment_complete, s.Ad AS station_name, k.Ad AS socket_name,
       k.Tip AS socket_type, k.Guc AS socket_kwh, i.Baslangic AS start_date,
       i.Bitis AS end_date, {IlkYuzde} AS start_percent, {SonYuzde} AS current_percent,
       {HedefYuzde} AS end_percent, {Kwh} AS used_kwh, i.OrtalamaKwh AS average_kwh,
       f.Unvan AS company_name, f.Logo AS company_image, k.Gorsel AS socket_image,
       {Tutar} AS price, i.Birim AS price_unit, {BirimFiyat} AS pricing,
       i.FiyatBirimi AS pricing_unit
FROM SarjIslem i
JOIN Soket k ON k.SoketId = i.SoketId
JOIN Istasyon s ON s.IstasyonId = k.IstasyonId
JOIN Firma f ON f.FirmaId = s.FirmaId
WHERE i.KullaniciId = :user_id AND 'a:b' <> '%'
ORDER BY i.IslemId DESC /* the newest: one */
LIMIT 1;
"""
_SCALES = {
    "IlkYuzde": 2,
    "SonYuzde": 2,
    "HedefYuzde": 2,
    "Kwh": 4,
    "Tutar": 2,
    "BirimFiyat": 2,
}
# SQLite keeps no scale: a query says it.
SQLITE_QUERY = QUERY.format(
    **{name: f"printf('%.{scale}f', i.{name})" for name, scale in _SCALES.items()}
)
POSTGRES_QUERY = QUERY.format(**{name: f"i.{name}" for name in _SCALES})

ANSWER = (
    '{"process_id":901,"active":true,"charge_complete":false,"payment_complete":null,'
    '"station_name":"Kadıköy: \\"İskele\\"","socket_name":"CCS-2 #3","socket_type":"DC    ",'
    '"socket_kwh":"120 kWh","start_date":"2016-01-03T03:04:05.1","end_date":null,'
    '"start_percent":18.50,"current_percent":47.00,"end_percent":80.00,"used_kwh":0.0000,'
    '"average_kwh":61.5,"company_name":"Park & Şarj","company_image":null,'
    '"socket_image":"https://cdn.example/dc.png","price":10.10,"price_unit":"TRY",'
    '"pricing":8.99,"pricing_unit":"TRY/kWh"}'
)
"""What Web API made of the newest process of user 5."""
